import type { DeliverySource } from '../../contract/broker.js';
import { Cursor, type CursorEntry } from '../../delivery/cursor.js';
import type { FetchedBatch, FetchedRecord } from './driver.js';
import { dueTimeOf } from './due-time.js';

/** Records that were handed over and still stand in front of the list before it is shortened. */
const COMPACT_AT = 1_024;

const sizeOf = ({ key, value }: FetchedRecord): number => (key?.length ?? 0) + (value?.length ?? 0);

/** An assignment of a partition; all its deliveries are void once it is lost. */
export class FeedSource implements DeliverySource {
  isLost = false;
}

/** Which partition, and what its topic delays. */
export interface FeedPlace {
  readonly topic: string;
  readonly partition: number;
  /** Ms; 0: nothing, its records are ready as soon as they are fetched. */
  readonly delayMs: number;
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
  readonly #delayMs: number;
  #waiting: FetchedRecord[] = [];
  #head = 0;
  /** Records before it may be delivered, those from it on are not due. */
  #readyTo = 0;
  /** When the first of those is due, ms since the epoch; `null`: not looked at. */
  #dueMs: number | null = null;
  /** Offset after the last record that was taken; `null`: nothing was. */
  #takenTo: number | null = null;
  #endOffset: number | null = null;
  #delayedBytes = 0;
  /** What the broker has as our commit, as far as we sent it. */
  committed: number | null = null;
  /** The commit at which reading began again, while what comes is known already; `null`: reading goes on. */
  #rereadFrom: number | null = null;
  #skippedTo: number | null = null;
  /** Where it was stepped to, while something that was fetched before waits. */
  #skips: number[] = [];

  constructor({ topic, partition, delayMs }: FeedPlace) {
    this.topic = topic;
    this.partition = partition;
    this.#delayMs = delayMs;
  }

  /** Fetched and not delivered. */
  get backlog(): number {
    return this.#waiting.length - this.#head;
  }

  /** Those of them that may be delivered. */
  get ready(): number {
    return this.#readyTo - this.#head;
  }

  /** Bytes of what waits, counted where it waits for its time only. */
  get delayedBytes(): number {
    return this.#delayedBytes;
  }

  /** When the first record that waits for its time is due, ms since the epoch; `null`: none waits. */
  get nextDueMs(): number | null {
    return this.#dueMs;
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

  /**
   * Where fetching must go on after a rebalance that left the partition here, if its commit is not the place: before
   * what was stepped over stands something unsettled, so the commit still is in front of it.
   */
  get seekTo(): number | null {
    const isCommitted = (this.committed ?? 0) >= (this.#skippedTo ?? 0);
    return isCommitted ? null : this.#takenTo;
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
    if (this.#delayMs === 0) this.#readyTo = this.#waiting.length;
    else
      for (const record of batch.records)
        if (Number(record.offset) >= from) this.#delayedBytes += sizeOf(record);
    const last = batch.records.at(-1);
    if (last === undefined || Number(last.offset) < from) return;
    this.#takenTo = Number(last.offset) + 1;
    this.#rereadFrom = null;
  }

  /** Looks at the clock: what is due becomes ready. Returns how many records that were. */
  release(nowMs: number): number {
    const before = this.#readyTo;
    while (this.#readyTo < this.#waiting.length) {
      const record = this.#waiting[this.#readyTo] as FetchedRecord;
      this.#dueMs ??= dueTimeOf(record, { delayMs: this.#delayMs, nowMs });
      if (this.#dueMs > nowMs) break;
      this.#dueMs = null;
      this.#readyTo += 1;
    }
    return this.#readyTo - before;
  }

  /** The next record to deliver; `undefined`: none is ready. */
  shift(): FetchedRecord | undefined {
    if (this.#head === this.#readyTo) return undefined;
    const record = this.#waiting[this.#head] as FetchedRecord;
    if (this.#delayMs > 0) this.#delayedBytes -= sizeOf(record);
    this.#head += 1;
    if (this.#head === this.#waiting.length) this.#empty();
    else if (this.#head >= COMPACT_AT && this.#head * 2 > this.#waiting.length) this.#compact();
    return record;
  }

  #compact(): void {
    this.#waiting.splice(0, this.#head);
    this.#readyTo -= this.#head;
    this.#head = 0;
  }

  #empty(): void {
    this.#waiting = [];
    this.#head = 0;
    this.#readyTo = 0;
    this.#dueMs = null;
    this.#delayedBytes = 0;
  }

  /** A record that was taken off is delivered: finish its entry once it is settled. */
  begin(offset: number): CursorEntry<number> {
    const entry = this.cursor.add(offset);
    if (this.#skips.length > 0) this.#passSkips();
    return entry;
  }

  /**
   * Steps over what cannot be delivered: reading goes on at `offset`. It counts as finished only in its turn, behind
   * everything that was fetched before it and waits; true if the commit can move at once.
   */
  skipTo(offset: number): boolean {
    this.#takenTo = offset;
    this.#skippedTo = offset;
    this.#skips.push(offset);
    return this.#passSkips();
  }

  #passSkips(): boolean {
    let hasMoved = false;
    for (let to = this.#skips[0]; to !== undefined; to = this.#skips[0]) {
      const next = this.#waiting[this.#head];
      if (next !== undefined && Number(next.offset) < to) break;
      this.#skips.shift();
      hasMoved = this.cursor.finish(this.cursor.add(to - 1)) || hasMoved;
    }
    return hasMoved;
  }

  /** Forgets what waits; it was never delivered, so it is not committed either. */
  dropBacklog(): void {
    this.#empty();
    this.#skips = [];
  }

  /** The offset that may be committed: the one after the last of the finished prefix; `null`: none yet. */
  committable(): number | null {
    const position = this.cursor.committable();
    return position === null ? null : position + 1;
  }
}
