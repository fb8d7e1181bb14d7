import type { Clock } from '../../contract/clock.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import type { FetchedBatch } from './driver.js';
import { PartitionFeed } from './partition-feed.js';

/** How long a fetch may wait for its records to be taken before fetching of the topic is paused instead, ms. */
const HOLD_MS = 100;
/** Records that may wait for their time in memory, per retry topic; over it fetching of that topic pauses. */
const DELAYED_MAX = 1_000;
/** The same in bytes. */
const DELAYED_MAX_BYTES = 4 * 1024 * 1024;

/** What a topic's feed needs of its leg. */
export interface TopicFeedHost {
  readonly clock: Clock;
  /** Fetching of the topic stops or goes on. */
  readonly setFetching: (feed: TopicFeed) => void;
  /** Something was fetched: so many records of it are ready. */
  readonly onTaken: (feed: TopicFeed, ready: number) => void;
  /** A partition is another log than before: it has a new feed. */
  readonly onReplaced: () => void;
  /** The partition is not ours any more; what it holds still counts. */
  readonly onLost: (partition: PartitionFeed) => void;
}

/** Which topic of whom is read. */
export interface TopicFeedSpec {
  readonly topic: string;
  readonly consumer: AnyConsumer;
  /** What a retry topic delays, ms; 0: nothing, as the main topic. */
  readonly delayMs: number;
}

/**
 * One topic as one consumer reads it: its assigned partitions, and how fast it is fetched. A fetch of a topic without
 * delay is held until half of it is taken. One with a delay is not: that would hold up all other topics of the broker, and
 * pausing until its head is due reads everything many times over; it pauses only when its buffer is full.
 */
export class TopicFeed {
  readonly topic: string;
  readonly consumer: AnyConsumer;
  readonly delayMs: number;
  readonly #host: TopicFeedHost;
  readonly #partitions = new Map<number, PartitionFeed>();
  #backlog = 0;
  #lowMark = 0;
  #isFull = false;
  #isHalted = false;
  #isDrained = false;
  #holds: (() => void)[] = [];

  constructor({ topic, consumer, delayMs }: TopicFeedSpec, host: TopicFeedHost) {
    this.topic = topic;
    this.consumer = consumer;
    this.delayMs = delayMs;
    this.#host = host;
  }

  get partitions(): Iterable<PartitionFeed> {
    return this.#partitions.values();
  }

  partition(partition: number): PartitionFeed | undefined {
    return this.#partitions.get(partition);
  }

  /** Fetching goes on as far as this consumer is concerned. */
  get isFetching(): boolean {
    return !this.#isFull && !this.#isHalted;
  }

  /** Fetched and not delivered, and what is known to stand behind it in the log. */
  get waiting(): number {
    let waiting = this.#backlog;
    for (const partition of this.#partitions.values()) waiting += partition.behind;
    return waiting;
  }

  /** Replaces the assignment. What stays is kept with all it knows, unless `isFresh`. */
  assign(partitions: readonly number[], isFresh: boolean): void {
    for (const feed of [...this.#partitions.values()]) {
      if (isFresh || !partitions.includes(feed.partition)) this.#lose(feed);
      else feed.reread();
    }
    for (const partition of partitions) if (!this.#partitions.has(partition)) this.#open(partition);
    this.slack();
  }

  #open(partition: number): PartitionFeed {
    const feed = new PartitionFeed({ topic: this.topic, partition, delayMs: this.delayMs });
    this.#partitions.set(partition, feed);
    return feed;
  }

  #lose(feed: PartitionFeed): void {
    feed.source.isLost = true;
    this.#host.onLost(feed);
    this.#forget(feed);
    this.#partitions.delete(feed.partition);
  }

  #forget(feed: PartitionFeed): void {
    this.#backlog -= feed.backlog;
    feed.dropBacklog();
  }

  /** Takes what was fetched. A promise: the next fetch had better wait for it. */
  accept(batch: FetchedBatch): Promise<void> | void {
    let feed = this.#partitions.get(batch.partition);
    if (feed === undefined || this.#isDrained) return;
    if (feed.isForeign(batch)) {
      this.#lose(feed);
      feed = this.#open(batch.partition);
      this.#host.onReplaced();
    }
    const { backlog, ready } = feed;
    feed.take(batch);
    this.#backlog += feed.backlog - backlog;
    this.#host.onTaken(this, feed.ready - ready);
    return this.delayMs > 0 ? this.#fill() : this.#hold();
  }

  #fill(): void {
    let bytes = 0;
    for (const feed of this.#partitions.values()) bytes += feed.delayedBytes;
    if (this.#backlog < DELAYED_MAX && bytes < DELAYED_MAX_BYTES) return;
    this.#lowMark = Math.floor(this.#backlog / 2);
    this.#setFull(true);
  }

  /** Waits until half of what waits is taken; if that takes long, pauses fetching instead. */
  #hold(): Promise<void> | void {
    if (this.#backlog === 0) return;
    this.#lowMark = Math.floor(this.#backlog / 2);
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        resolve();
      };
      const timer = this.#host.clock.schedule(() => {
        this.#holds = this.#holds.filter((one) => one !== done);
        if (this.#backlog > this.#lowMark) this.#setFull(true);
        resolve();
      }, HOLD_MS);
      this.#holds.push(done);
    });
  }

  /** One record was handed over. */
  taken(): void {
    this.#backlog -= 1;
    if (this.#backlog <= this.#lowMark) this.slack();
  }

  /** If there is room again, fetches that wait go on. */
  slack(): void {
    if (this.#backlog > this.#lowMark || this.#isHalted) return;
    this.#releaseHolds();
    this.#setFull(false);
  }

  #releaseHolds(): void {
    if (this.#holds.length === 0) return;
    const holds = this.#holds;
    this.#holds = [];
    for (const release of holds) release();
  }

  #setFull(isFull: boolean): void {
    if (this.#isFull === isFull) return;
    this.#isFull = isFull;
    if (!this.#isHalted) this.#host.setFetching(this);
  }

  /** The consumer takes nothing for now. */
  halt(): void {
    if (this.#isHalted) return;
    this.#isHalted = true;
    if (!this.#isFull) this.#host.setFetching(this);
  }

  /** The consumer goes on. */
  unhalt(): void {
    if (!this.#isHalted) return;
    this.#isHalted = false;
    if (!this.#isFull) this.#host.setFetching(this);
    this.slack();
  }

  /** Takes nothing any more, and forgets what was not delivered. */
  drain(): void {
    this.#isDrained = true;
    this.halt();
    for (const feed of this.#partitions.values()) this.#forget(feed);
    this.#releaseHolds();
  }
}
