import type { PendingRecord } from './messages.js';
import { BATCH_OVERHEAD_BYTES, BATCH_SPAN_MAX_MS } from './record-batch.js';

/** What one request may still take. */
export interface BatchRoom {
  readonly records: number;
  readonly bytes: number;
}

/** Told when a record left its queue for whatever reason. */
export type ReleaseRecord = (record: PendingRecord) => void;

const COMPACT_AT = 1_024;

/**
 * Records of one partition, in the order in which they were published. They stay here until the broker's word on them
 * is in, at most one batch of them is under way, and none overtakes an unconfirmed one: so order holds through retries.
 */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** Node that leads it; below 0: none is known. */
  leader: number;
  /** A batch of it is under way. */
  isBusy = false;
  /** The lane in whose list it stands; entries in other lists are void. */
  listedOn: object | null = null;
  /** Not before this time, on `Clock.monotonicMs`. */
  heldUntilMs = 0;
  /** Failures in a row. */
  failures = 0;
  readonly #release: ReleaseRecord;
  #records: PendingRecord[] = [];
  #head = 0;
  #takenTo = 0;
  #maxRecords = Number.POSITIVE_INFINITY;

  constructor(place: { topic: string; partition: number; leader: number }, release: ReleaseRecord) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.leader = place.leader;
    this.#release = release;
  }

  get isEmpty(): boolean {
    return this.#head === this.#records.length;
  }

  push(record: PendingRecord): void {
    this.#records.push(record);
  }

  /** Takes from the front what fits; at least one record if `isFirst`. Settled ones are let go of on the way. */
  take(room: BatchRoom, isFirst: boolean): PendingRecord[] {
    this.dropSettled();
    const taken: PendingRecord[] = [];
    const most = Math.min(room.records, this.#maxRecords);
    let bytes = BATCH_OVERHEAD_BYTES;
    let at = this.#head;
    for (; at < this.#records.length && taken.length < most; at += 1) {
      const record = this.#records[at] as PendingRecord;
      if (record.ticket.isSettled) continue;
      bytes += record.bytes;
      const mustTake = isFirst && taken.length === 0;
      if (!mustTake && (bytes > room.bytes || !this.#isNear(record, taken[0]))) break;
      taken.push(record);
    }
    this.#takenTo = at;
    return taken;
  }

  #isNear(record: PendingRecord, first: PendingRecord | undefined): boolean {
    return first === undefined || Math.abs(record.timestampMs - first.timestampMs) <= BATCH_SPAN_MAX_MS;
  }

  /** The batch under way is decided: it leaves the queue. */
  finishBatch(): void {
    for (let at = this.#head; at < this.#takenTo; at += 1) this.#release(this.#records[at] as PendingRecord);
    this.#head = this.#takenTo;
    this.failures = 0;
    if (this.#maxRecords !== Number.POSITIVE_INFINITY) this.#maxRecords *= 2;
    this.#compact();
  }

  /** The batch under way was refused for one of its records: smaller ones from now on, until the culprit is alone. */
  splitBatch(): void {
    const count = this.#takenTo - this.#head;
    this.#maxRecords = Math.max(1, Math.ceil(count / 2));
  }

  /** Everything leaves, decided by `settle`. */
  drain(settle: (record: PendingRecord) => void): void {
    for (const record of this.takeAll()) {
      settle(record);
      this.#release(record);
    }
  }

  /** Everything leaves, to be queued elsewhere. */
  takeAll(): PendingRecord[] {
    const left = this.#records.slice(this.#head);
    this.#records = [];
    this.#compact();
    return left;
  }

  /** Lets go of records at the front whose tickets were settled by their owner. Not while a batch is under way. */
  dropSettled(): void {
    while (this.#head < this.#records.length) {
      const record = this.#records[this.#head] as PendingRecord;
      if (!record.ticket.isSettled) break;
      this.#head += 1;
      this.#release(record);
    }
    this.#compact();
  }

  #compact(): void {
    if (this.#head >= this.#records.length) {
      this.#records = [];
      this.#head = 0;
    } else if (this.#head > COMPACT_AT && this.#head * 2 > this.#records.length) {
      this.#records.splice(0, this.#head);
      this.#head = 0;
    }
    this.#takenTo = this.#head;
  }
}
