import type { SkippedBatch } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import type { BuscouplerError } from '../../contract/errors.js';
import type { EmitEvent } from '../../contract/events.js';
import type { LogPosition } from '../../contract/log-position.js';
import type { AdminClient } from './driver.js';
import { startsOf } from './group-depth.js';
import type { PartitionFeed } from './partition-feed.js';
import type { StuckBatch } from './poison-letter.js';
import { isWithin, SkipList } from './skip-list.js';
import type { TopicFeed } from './topic-feed.js';
import { findUndecodable } from './undecodable.js';

/** What the search needs. */
export interface PoisonedContext {
  readonly admin: AdminClient;
  readonly emit: EmitEvent;
  /** Stores the bytes of a batch that is stepped over; false: it could not be. Never rejects. */
  readonly bury: (consumer: AnyConsumer, stuck: StuckBatch) => Promise<boolean>;
  /** Goes on reading a partition at this offset. */
  readonly step: (feed: PartitionFeed, offset: bigint) => void;
}

/** Says whether the member that asked is still the one that counts. */
type IsWanted = () => boolean;

const placeOf = ({ topic, partition }: PartitionFeed): string => `${topic}/${partition}`;

/** The partitions of one group that hold a batch which cannot be decoded; they stand still, the others flow. */
export class PoisonedPartitions {
  readonly #group: string;
  readonly #context: PoisonedContext;
  readonly #skips = new SkipList();
  readonly #stuck = new Map<string, StuckBatch>();

  constructor(group: string, context: PoisonedContext) {
    this.#group = group;
    this.#context = context;
  }

  get isEmpty(): boolean {
    return this.#stuck.size === 0;
  }

  /** The partitions of a topic that stand still. */
  of(topic: string): number[] {
    return [...this.#stuck.values()].filter((one) => one.topic === topic).map(({ partition }) => partition);
  }

  /**
   * Reads every assigned partition by itself. What stands before a culprit is handed over; the culprit is told once, or
   * stepped over if the operator named it. Stops when `isWanted` says no.
   */
  async search(feeds: Iterable<TopicFeed>, isWanted: IsWanted): Promise<void> {
    const assigned = new Set<string>();
    for (const feed of [...feeds]) {
      const starts = await startsOf(this.#context.admin, this.#group, feed.topic);
      for (const partition of [...feed.partitions]) {
        const { nextOffset } = partition;
        const offset = nextOffset === null ? (starts.get(partition.partition) ?? 0n) : BigInt(nextOffset);
        await this.#searchOne(feed, partition, { offset, isWanted });
        if (!isWanted()) return;
        assigned.add(placeOf(partition));
      }
    }
    for (const place of [...this.#stuck.keys()]) if (!assigned.has(place)) this.#stuck.delete(place);
  }

  async #searchOne(
    feed: TopicFeed,
    partition: PartitionFeed,
    { offset, isWanted }: { readonly offset: bigint; readonly isWanted: IsWanted },
  ): Promise<void> {
    const { admin } = this.#context;
    const { topic, consumer } = feed;
    const place = { topic, partition: partition.partition, consumer: consumer.name };
    for (let from = offset; ; ) {
      const culprit = await findUndecodable(admin, { ...place, offset: from });
      if (!isWanted()) return;
      if (culprit === null) break;
      // Nobody waits: fetching of the partition stands still anyway.
      for (const batch of culprit.before) void feed.accept(batch);
      const stuck = await this.#stuckAt(partition, culprit);
      if (!isWanted()) return;
      if (!this.#skips.covers(consumer, stuck)) {
        this.#pause(feed, partition, { stuck, error: culprit.error });
        return;
      }
      await this.#stepOver(feed, partition, { stuck, isWanted });
      if (!isWanted()) return;
      from = stuck.batch.lastOffset + 1n;
    }
    this.#stuck.delete(placeOf(partition));
  }

  async #stuckAt(
    { topic, partition }: PartitionFeed,
    { offset, error }: { readonly offset: bigint; readonly error: BuscouplerError },
  ): Promise<StuckBatch> {
    const raw = await this.#context.admin.readRaw({ topic, partition, offset });
    // Not even its head can be read: nothing is known to belong to it but the offset at which reading stops.
    const batch = raw ?? { firstOffset: offset, lastOffset: offset, bytes: Buffer.alloc(0) };
    return { topic, partition, batch, error };
  }

  #pause(
    { topic, consumer }: TopicFeed,
    partition: PartitionFeed,
    { stuck, error }: { readonly stuck: StuckBatch; readonly error: BuscouplerError },
  ): void {
    const before = this.#stuck.get(placeOf(partition));
    this.#stuck.set(placeOf(partition), stuck);
    if (before?.batch.firstOffset === stuck.batch.firstOffset) return;
    this.#context.emit('partition-paused', {
      consumer: consumer.name,
      topic,
      partition: partition.partition,
      offset: stuck.batch.firstOffset.toString(),
      error,
    });
  }

  /** Steps over the batch at this position if it stops this consumer here; `null`: it does not. */
  async skip(feed: TopicFeed, position: LogPosition, isWanted: IsWanted): Promise<SkippedBatch | null> {
    const partition = feed.partition(position.partition);
    const stuck = this.#stuck.get(`${position.topic}/${position.partition}`);
    if (partition === undefined || stuck === undefined || !isWithin(position, stuck)) return null;
    // Before its commit is in, another start of the group may meet it again.
    this.#skips.add(feed.consumer, position);
    return this.#stepOver(feed, partition, { stuck, isWanted });
  }

  /** The letter is stored first; if the member is replaced meanwhile, the search of the next one steps over. */
  async #stepOver(
    feed: TopicFeed,
    partition: PartitionFeed,
    { stuck, isWanted }: { readonly stuck: StuckBatch; readonly isWanted: IsWanted },
  ): Promise<SkippedBatch | null> {
    const { bury, step, emit } = this.#context;
    const isStored = await bury(feed.consumer, stuck);
    if (!isWanted() || feed.partition(partition.partition) !== partition) return null;
    this.#stuck.delete(placeOf(partition));
    step(partition, stuck.batch.lastOffset + 1n);
    const skipped = toSkipped(stuck, isStored);
    emit('partition-resumed', { consumer: feed.consumer.name, ...skipped });
    return skipped;
  }
}

/** What is told of a batch that was stepped over. */
export const toSkipped = ({ topic, partition, batch }: StuckBatch, isStored: boolean): SkippedBatch => ({
  topic,
  partition,
  firstOffset: batch.firstOffset.toString(),
  lastOffset: batch.lastOffset.toString(),
  isStored,
});
