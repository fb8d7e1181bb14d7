import type { Delivery, Leg, LegSpec, LegState, LegStatus } from '../../contract/broker.js';
import type { Clock } from '../../contract/clock.js';
import type { IncomingMessage } from '../../contract/message.js';
import type { CursorEntry } from '../../delivery/cursor.js';
import { kafkaTopicOf } from '../../messages/names.js';
import type { FetchedBatch } from './driver.js';
import { toIncoming } from './messages.js';
import { type FeedSource, PartitionFeed } from './partition-feed.js';

/** How long a fetch may wait for its records to be taken before fetching of the topic is paused instead, ms. */
const HOLD_MS = 100;

/** What a leg needs of its group. */
export interface LegHost {
  readonly clock: Clock;
  /** What keeps the group from being fed, if anything. */
  readonly trouble: () => { readonly state: LegState; readonly reason?: string } | null;
  readonly onSettled: (feed: PartitionFeed) => void;
  /** Fetching of the topic stops or goes on. */
  readonly setFetching: (topic: string, isFetching: boolean) => void;
  readonly detach: (leg: KafkaLeg, deadlineMs: number) => Promise<void>;
}

/** One record that was handed over. */
class KafkaDelivery implements Delivery {
  readonly message: IncomingMessage;
  readonly source: FeedSource;
  readonly feed: PartitionFeed;
  readonly entry: CursorEntry<number>;
  readonly #leg: KafkaLeg;
  #isSettled = false;

  constructor(
    message: IncomingMessage,
    offset: number,
    { feed, leg }: { feed: PartitionFeed; leg: KafkaLeg },
  ) {
    this.message = message;
    this.source = feed.source;
    this.feed = feed;
    this.entry = feed.cursor.add(offset);
    this.#leg = leg;
  }

  settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#leg.finish(this);
  }
}

/**
 * One consumer's part of its group: takes what is fetched for its topic, hands it over in the broker's order per
 * partition up to its capacity, and slows fetching down when it falls behind.
 */
export class KafkaLeg implements Leg {
  readonly broker = 'kafka';
  readonly topic: string;
  readonly spec: LegSpec;
  readonly #host: LegHost;
  readonly #feeds = new Map<number, PartitionFeed>();
  #order: PartitionFeed[] = [];
  #turn = 0;
  #capacity: number;
  #unsettled = 0;
  #backlog = 0;
  #lowMark = 0;
  #isPaused = false;
  #isDraining = false;
  #isStopped = false;
  #isPumping = false;
  #isFetching = true;
  #holds: (() => void)[] = [];

  constructor(spec: LegSpec, host: LegHost) {
    this.spec = spec;
    this.topic = kafkaTopicOf(spec.consumer.topic);
    this.#host = host;
    this.#capacity = spec.capacity;
  }

  get feeds(): Iterable<PartitionFeed> {
    return this.#feeds.values();
  }

  get unsettled(): number {
    return this.#unsettled;
  }

  /** Fetching goes on as far as this leg is concerned. */
  get isFetching(): boolean {
    return this.#isFetching;
  }

  /** Replaces the assignment. What stays is kept with all it knows, unless `isFresh`. */
  assign(partitions: readonly number[], isFresh: boolean): void {
    for (const feed of [...this.#feeds.values()]) {
      if (isFresh || !partitions.includes(feed.partition)) this.#lose(feed);
      else feed.reread();
    }
    for (const partition of partitions) this.#feedOf(partition);
    this.#order = [...this.#feeds.values()];
    this.#slack();
  }

  #feedOf(partition: number): PartitionFeed {
    let feed = this.#feeds.get(partition);
    if (feed === undefined) {
      feed = new PartitionFeed(this.topic, partition);
      this.#feeds.set(partition, feed);
      this.#order = [...this.#feeds.values()];
    }
    return feed;
  }

  #lose(feed: PartitionFeed): void {
    feed.source.isLost = true;
    this.#unsettled -= feed.cursor.unfinished;
    this.#backlog -= feed.backlog;
    feed.dropBacklog();
    this.#feeds.delete(feed.partition);
  }

  /** Takes what was fetched. A promise: the next fetch had better wait for it. */
  accept(batch: FetchedBatch): Promise<void> | void {
    if (this.#isDraining || this.#isStopped || !this.#feeds.has(batch.partition)) return;
    let feed = this.#feedOf(batch.partition);
    if (feed.isForeign(batch)) {
      this.#lose(feed);
      feed = this.#feedOf(batch.partition);
    }
    const before = feed.backlog;
    feed.take(batch);
    this.#backlog += feed.backlog - before;
    this.#pump();
    if (this.#backlog === 0) return;
    this.#lowMark = Math.floor(this.#backlog / 2);
    return this.#hold();
  }

  /** Waits until half of what waits is taken; if that takes long, pauses fetching instead. */
  #hold(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        resolve();
      };
      const timer = this.#host.clock.schedule(() => {
        this.#holds = this.#holds.filter((one) => one !== done);
        if (this.#backlog > this.#lowMark) this.#setFetching(false);
        resolve();
      }, HOLD_MS);
      this.#holds.push(done);
    });
  }

  #setFetching(isFetching: boolean): void {
    if (this.#isFetching === isFetching) return;
    this.#isFetching = isFetching;
    this.#host.setFetching(this.topic, isFetching);
  }

  /** There is room again: fetches that wait go on. */
  #slack(): void {
    if (this.#backlog > this.#lowMark || this.#isPaused || this.#isDraining) return;
    const holds = this.#holds;
    this.#holds = [];
    for (const release of holds) release();
    this.#setFetching(true);
  }

  #pump(): void {
    // Settling may happen inside of delivering; the loop that runs already sees the room.
    if (this.#isPumping || this.#isPaused || this.#isDraining || this.#isStopped) return;
    this.#isPumping = true;
    while (this.#unsettled < this.#capacity && this.#backlog > 0) this.#deliverNext();
    this.#isPumping = false;
    this.#slack();
  }

  /** Partitions take turns. */
  #deliverNext(): void {
    for (let step = 0; step < this.#order.length; step += 1) {
      this.#turn = (this.#turn + 1) % this.#order.length;
      const feed = this.#order[this.#turn] as PartitionFeed;
      const record = feed.shift();
      if (record === undefined) continue;
      this.#backlog -= 1;
      this.#unsettled += 1;
      this.spec.deliver(
        new KafkaDelivery(toIncoming(record, feed), Number(record.offset), { feed, leg: this }),
      );
      return;
    }
  }

  /** A delivery was settled. */
  finish({ feed, entry }: KafkaDelivery): void {
    if (feed.source.isLost) return;
    this.#unsettled -= 1;
    if (feed.cursor.finish(entry)) this.#host.onSettled(feed);
    this.#pump();
  }

  pause(): void {
    this.#isPaused = true;
    if (!this.#isDraining) this.#setFetching(false);
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#pump();
  }

  setCapacity(capacity: number): void {
    this.#capacity = capacity;
    this.#pump();
  }

  status(): LegStatus {
    const trouble = this.#host.trouble();
    const own: LegState = this.#isDraining ? 'draining' : this.#isPaused ? 'paused' : 'live';
    let waiting = this.#backlog;
    for (const feed of this.#feeds.values()) waiting += feed.behind;
    return {
      state: this.#isStopped ? 'stopped' : (trouble?.state ?? own),
      unsettled: this.#unsettled,
      waiting: this.#isStopped ? null : waiting,
      ...(trouble?.reason === undefined || this.#isStopped ? {} : { reason: trouble.reason }),
    };
  }

  async drain(): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#setFetching(false);
    for (const feed of this.#feeds.values()) feed.dropBacklog();
    this.#backlog = 0;
    const holds = this.#holds;
    this.#holds = [];
    for (const release of holds) release();
  }

  async detach({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    await this.drain();
    if (this.#isStopped) return;
    await this.#host.detach(this, deadlineMs);
    this.#isStopped = true;
    this.assign([], true);
  }
}
