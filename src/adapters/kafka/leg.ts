import type { Delivery, Leg, LegSpec, LegState, LegStatus } from '../../contract/broker.js';
import type { Clock } from '../../contract/clock.js';
import type { IncomingMessage } from '../../contract/message.js';
import type { CursorEntry } from '../../delivery/cursor.js';
import { kafkaTopicOf, retryTopicOf } from '../../messages/names.js';
import { DueTimer } from './due-timer.js';
import { toIncoming } from './messages.js';
import type { FeedSource, PartitionFeed } from './partition-feed.js';
import { TopicFeed, type TopicFeedHost } from './topic-feed.js';

/** What a leg needs of its group. */
export interface LegHost {
  readonly clock: Clock;
  /** What keeps the group from being fed, if anything. */
  readonly trouble: () => { readonly state: LegState; readonly reason?: string } | null;
  readonly onSettled: (feed: PartitionFeed) => void;
  /** Fetching of a topic stops or goes on. */
  readonly setFetching: (feed: TopicFeed) => void;
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
    this.entry = feed.begin(offset);
    this.#leg = leg;
  }

  settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#leg.finish(this);
  }
}

/** Places that every partition may take, however many there are. */
const SHARE_MIN = 16;

/** A partition whose turn comes, and the topic that it is of. */
interface Turn {
  readonly topic: TopicFeed;
  readonly partition: PartitionFeed;
  /** Assigned partitions of this topic. */
  readonly partitions: number;
}

/**
 * One consumer's part of its group: takes what is fetched for its topics (a draining one: its retry topics only), and hands
 * over in the broker's order per partition what is due, up to its capacity. What waits for its time takes no capacity.
 */
export class KafkaLeg implements Leg {
  readonly broker = 'kafka';
  readonly spec: LegSpec;
  readonly #host: LegHost;
  readonly #feedHost: TopicFeedHost;
  readonly #feeds = new Map<string, TopicFeed>();
  readonly #due: DueTimer;
  #order: Turn[] = [];
  #turn = 0;
  #capacity: number;
  #unsettled = 0;
  #ready = 0;
  #isPaused = false;
  #isDraining = false;
  #isStopped = false;
  #isPumping = false;

  constructor(spec: LegSpec, host: LegHost) {
    this.spec = spec;
    this.#host = host;
    this.#capacity = spec.capacity;
    this.#due = new DueTimer(host.clock, () => this.#lookAtClock());
    this.#feedHost = {
      clock: host.clock,
      setFetching: host.setFetching,
      onTaken: (feed, ready) => this.#taken(feed, ready),
      onReplaced: () => this.#setOrder(),
      onLost: (partition) => this.#lost(partition),
    };
    const { consumer } = spec;
    if (spec.role !== 'draining') this.#read(kafkaTopicOf(consumer.topic), 0);
    for (const delayMs of [0, ...consumer.retry.deferredMs]) this.readRetries(delayMs);
  }

  /** Reads the retry topic of this delay from the next join of the group on; false if it does already. */
  readRetries(delayMs: number): boolean {
    return this.#read(retryTopicOf(this.spec.consumer, delayMs), delayMs);
  }

  #read(topic: string, delayMs: number): boolean {
    if (this.#feeds.has(topic)) return false;
    const spec = { topic, consumer: this.spec.consumer, delayMs };
    this.#feeds.set(topic, new TopicFeed(spec, this.#feedHost));
    return true;
  }

  /** True for its retry topics, which the other leg of a consumer that moves may read until it is detached. */
  overlaps(topic: string): boolean {
    return topic !== kafkaTopicOf(this.spec.consumer.topic);
  }

  /** By topic. */
  get feeds(): ReadonlyMap<string, TopicFeed> {
    return this.#feeds;
  }

  get unsettled(): number {
    return this.#unsettled;
  }

  /** Replaces the assignment of its topics. What stays is kept with all it knows, unless `isFresh`. */
  assign(partitionsOf: (topic: string) => readonly number[], isFresh: boolean): void {
    for (const [topic, feed] of this.#feeds) feed.assign(partitionsOf(topic), isFresh);
    this.#setOrder();
  }

  #setOrder(): void {
    this.#order = [];
    for (const topic of this.#feeds.values()) {
      const assigned = [...topic.partitions];
      for (const partition of assigned) this.#order.push({ topic, partition, partitions: assigned.length });
    }
  }

  #lost(partition: PartitionFeed): void {
    this.#unsettled -= partition.cursor.unfinished;
    this.#ready -= partition.ready;
  }

  #taken(feed: TopicFeed, ready: number): void {
    this.#ready += ready;
    if (feed.delayMs > 0) this.#lookAtClock();
    else this.#pump();
  }

  /** What is due becomes ready; the timer stands for what is due next. */
  #lookAtClock(): void {
    if (this.#isDraining) return;
    const nowMs = this.#host.clock.epochMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { topic, partition } of this.#order) {
      if (topic.delayMs === 0) continue;
      this.#ready += partition.release(nowMs);
      nextMs = Math.min(nextMs, partition.nextDueMs ?? nextMs);
    }
    this.#due.set(nextMs);
    this.#pump();
  }

  #pump(): void {
    // Settling may happen inside of delivering; the loop that runs already sees the room.
    if (this.#isPumping || this.#isPaused || this.#isDraining || this.#isStopped) return;
    this.#isPumping = true;
    while (this.#unsettled < this.#capacity && this.#ready > 0) if (!this.#deliverNext()) break;
    this.#isPumping = false;
  }

  /** A partition that was fetched first, or has a slow key, must not keep the others of its topic out. */
  #hasShareOut({ partition, partitions }: Turn): boolean {
    return partition.cursor.unfinished >= Math.max(SHARE_MIN, (2 * this.#capacity) / partitions);
  }

  /** Partitions take turns; false if each that has something ready has its share out. */
  #deliverNext(): boolean {
    for (let step = 0; step < this.#order.length; step += 1) {
      this.#turn = (this.#turn + 1) % this.#order.length;
      const turn = this.#order[this.#turn] as Turn;
      if (this.#hasShareOut(turn)) continue;
      const { topic, partition } = turn;
      const record = partition.shift();
      if (record === undefined) continue;
      this.#ready -= 1;
      this.#unsettled += 1;
      topic.taken();
      this.spec.deliver(
        new KafkaDelivery(toIncoming(record, partition), Number(record.offset), {
          feed: partition,
          leg: this,
        }),
      );
      return true;
    }
    return false;
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
    for (const feed of this.#feeds.values()) feed.halt();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#isDraining) return;
    this.#pump();
    for (const feed of this.#feeds.values()) feed.unhalt();
  }

  setCapacity(capacity: number): void {
    this.#capacity = capacity;
    this.#pump();
  }

  status(): LegStatus {
    const trouble = this.#host.trouble();
    let waiting = 0;
    for (const feed of this.#feeds.values()) waiting += feed.waiting;
    return {
      state: this.#isStopped ? 'stopped' : (trouble?.state ?? this.#ownState()),
      unsettled: this.#unsettled,
      waiting: this.#isStopped ? null : waiting,
      ...(trouble?.reason === undefined || this.#isStopped ? {} : { reason: trouble.reason }),
    };
  }

  #ownState(): LegState {
    if (this.#isDraining) return 'draining';
    if (this.#isPaused) return 'paused';
    return this.spec.role ?? 'live';
  }

  async drain(): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#due.stop();
    for (const feed of this.#feeds.values()) feed.drain();
    this.#ready = 0;
  }

  async detach({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    await this.drain();
    if (this.#isStopped) return;
    await this.#host.detach(this, deadlineMs);
    this.#isStopped = true;
    this.assign(() => [], true);
  }
}
