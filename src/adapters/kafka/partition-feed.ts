import type { DeliverySource } from '../../contract/broker.js';
import { Cursor } from '../../delivery/cursor.js';
import type { FetchedBatch, FetchedRecord } from './driver.js';

/** An assignment of a partition; all its deliveries are void once it is lost. */
export class FeedSource implements DeliverySource {
  isLost = false;
}

/**
 * One assigned partition: what was fetched and waits, what was delivered and is unsettled, and up to where all of it is
 * finished. It outlives a rebalance that leaves the partition here; then fetching begins again at the last commit, and
 * what is known already is skipped.
 */
export class PartitionFeed {
  readonly topic: string;
  readonly partition: number;
  readonly source = new FeedSource();
  readonly cursor = new Cursor<number>();
  #waiting: FetchedRecord[] = [];
  #head = 0;
  /** Offset after the last record that was taken; `null`: nothing was. */
  #takenTo: number | null = null;
  #endOffset: number | null = null;
  /** What the broker has as our commit, as far as we sent it. */
  committed: number | null = null;
  /** The commit at which reading began again, while what comes is known already; `null`: reading goes on. */
  #rereadFrom: number | null = null;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Fetched and not delivered. */
  get backlog(): number {
    return this.#waiting.length - this.#head;
  }

  /** Where reading would go on; `null` before the first fetch. */
  get nextOffset(): number | null {
    return this.#takenTo;
  }

  /** Records in the log behind those that were taken, as last seen. */
  get behind(): number {
    if (this.#endOffset === null || this.#takenTo === null) return 0;
    return Math.max(0, this.#endOffset - this.#takenTo);
  }

  /** A rebalance left the partition here: fetching begins again at the last commit. */
  reread(): void {
    if (this.#takenTo !== null) this.#rereadFrom = this.committed ?? 0;
  }

  /** The log ends before, or is read again from before, what is known of it: it is another log of the same name. */
  isForeign(batch: FetchedBatch): boolean {
    if (this.#takenTo === null) return false;
    const first = Number(batch.records[0]?.offset ?? this.#takenTo);
    return Number(batch.endOffset) < this.#takenTo || first < (this.#rereadFrom ?? this.#takenTo);
  }

  take(batch: FetchedBatch): void {
    this.#endOffset = Number(batch.endOffset);
    const from = this.#takenTo ?? Number.NEGATIVE_INFINITY;
    for (const record of batch.records) if (Number(record.offset) >= from) this.#waiting.push(record);
    const last = batch.records.at(-1);
    if (last === undefined || Number(last.offset) < from) return;
    this.#takenTo = Number(last.offset) + 1;
    this.#rereadFrom = null;
  }

  /** The next record to deliver. */
  shift(): FetchedRecord | undefined {
    const record = this.#waiting[this.#head];
    if (record === undefined) return undefined;
    this.#head += 1;
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    }
    return record;
  }

  /** Forgets what waits; it was never delivered, so it is not committed either. */
  dropBacklog(): void {
    this.#waiting = [];
    this.#head = 0;
  }

  /** The offset that may be committed: the one after the last of the finished prefix; `null`: none yet. */
  committable(): number | null {
    const position = this.cursor.committable();
    return position === null ? null : position + 1;
  }
}
