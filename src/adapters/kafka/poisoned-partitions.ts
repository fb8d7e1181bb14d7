import type { EmitEvent } from '../../contract/events.js';
import type { AdminClient } from './driver.js';
import { startsOf } from './group-depth.js';
import type { TopicFeed } from './topic-feed.js';
import { findUndecodable } from './undecodable.js';

/** What the search needs. */
export interface PoisonedContext {
  readonly admin: AdminClient;
  readonly emit: EmitEvent;
}

/** The partitions of one group that hold a batch which cannot be decoded; they stand still, the others flow. */
export class PoisonedPartitions {
  readonly #group: string;
  readonly #context: PoisonedContext;
  readonly #offsets = new Map<string, Map<number, bigint>>();

  constructor(group: string, context: PoisonedContext) {
    this.#group = group;
    this.#context = context;
  }

  get isEmpty(): boolean {
    return this.#offsets.size === 0;
  }

  of(topic: string): number[] {
    return [...(this.#offsets.get(topic)?.keys() ?? [])];
  }

  /**
   * Reads every assigned partition by itself. What stands before a culprit is handed over, the culprit is told once.
   * Stops when `isWanted` says no.
   */
  async search(feeds: Iterable<TopicFeed>, isWanted: () => boolean): Promise<void> {
    for (const feed of [...feeds]) {
      const { topic } = feed;
      const starts = await startsOf(this.#context.admin, this.#group, topic);
      const before = this.#offsets.get(topic) ?? new Map<number, bigint>();
      const found = new Map<number, bigint>();
      for (const { partition, nextOffset } of [...feed.partitions]) {
        const offset = nextOffset === null ? (starts.get(partition) ?? 0n) : BigInt(nextOffset);
        const culprit = await findUndecodable(this.#context.admin, { topic, partition, offset });
        if (!isWanted()) return;
        if (culprit === null) continue;
        found.set(partition, culprit.offset);
        // Nobody waits: fetching of the partition stands still anyway.
        for (const batch of culprit.before) void feed.accept(batch);
        if (before.get(partition) === culprit.offset) continue;
        this.#context.emit('partition-paused', {
          consumer: feed.consumer,
          topic,
          partition,
          offset: culprit.offset.toString(),
          error: culprit.error,
        });
      }
      if (found.size > 0) this.#offsets.set(topic, found);
      else this.#offsets.delete(topic);
    }
  }
}
