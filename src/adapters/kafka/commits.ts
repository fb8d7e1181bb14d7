import type { Clock, Timer } from '../../contract/clock.js';
import type { Logger } from '../../contract/logger.js';
import type { TopicOffsets } from './driver.js';
import type { PartitionFeed } from './partition-feed.js';

/** Settlements of this long go into one commit, ms. */
const COMMIT_EVERY_MS = 50;
/** Wait after a commit that failed, ms: the group is rebalancing, or its coordinator moves. */
const RETRY_MS = 500;

/** Commits for the current generation; rejects when the group is between two. */
export type SendCommit = (offsets: readonly TopicOffsets[]) => Promise<void>;

/** What the commits of one group are made of. */
export interface CommitsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly send: SendCommit;
}

/** Gathers what was settled and commits it, one request at a time for the whole group. */
export class Commits {
  readonly #options: CommitsOptions;
  readonly #dirty = new Set<PartitionFeed>();
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  /** The finished prefix of the partition has grown. */
  mark(feed: PartitionFeed): void {
    this.#dirty.add(feed);
    this.#schedule(COMMIT_EVERY_MS);
  }

  /** The partition is not ours any more. */
  forget(feed: PartitionFeed): void {
    this.#dirty.delete(feed);
  }

  /** Commits what is settled by now; true if all of it is in. Never rejects. */
  async flush(): Promise<boolean> {
    await this.#running;
    if (this.#dirty.size > 0) await this.#run();
    return this.#dirty.size === 0;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#dirty.clear();
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== null || this.#running !== null) return;
    this.#timer = this.#options.clock.schedule(() => {
      this.#timer = null;
      void this.#run();
    }, delayMs);
  }

  #run(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#running ??= this.#commit().then((delayMs) => {
      this.#running = null;
      if (this.#dirty.size > 0) this.#schedule(delayMs);
    });
    return this.#running;
  }

  async #commit(): Promise<number> {
    const feeds = [...this.#dirty].filter((feed) => !feed.source.isLost);
    this.#dirty.clear();
    const positions = new Map<PartitionFeed, number>();
    for (const feed of feeds) {
      const offset = feed.committable();
      if (offset !== null && offset !== feed.committed) positions.set(feed, offset);
    }
    if (positions.size === 0) return COMMIT_EVERY_MS;
    try {
      await this.#options.send(groupByTopic(positions));
      for (const [feed, offset] of positions) feed.committed = offset;
      return COMMIT_EVERY_MS;
    } catch (error) {
      // Nothing is lost by it: what is uncommitted is delivered again.
      this.#options.logger.debug({ err: error }, 'kafka commit failed; it is sent again');
      for (const feed of positions.keys()) if (!feed.source.isLost) this.#dirty.add(feed);
      return RETRY_MS;
    }
  }
}

function groupByTopic(positions: ReadonlyMap<PartitionFeed, number>): TopicOffsets[] {
  const topics = new Map<string, { partition: number; offset: bigint }[]>();
  for (const [{ topic, partition }, offset] of positions) {
    const entry = { partition, offset: BigInt(offset) };
    const offsets = topics.get(topic);
    if (offsets === undefined) topics.set(topic, [entry]);
    else offsets.push(entry);
  }
  return [...topics].map(([topic, offsets]) => ({ topic, offsets }));
}
