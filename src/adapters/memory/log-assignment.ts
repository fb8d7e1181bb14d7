import type { Delivery, DeliverySource } from '../../contract/broker.js';
import type { IncomingMessage } from '../../contract/message.js';
import { Cursor, type CursorEntry } from '../../delivery/cursor.js';
import type { EmbeddedLeg } from './leg.js';
import type { LogPartition } from './log-partition.js';

/** When a record of a retry topic may be handed over, ms since the epoch. */
export type DueAt = (message: IncomingMessage) => number;

/** One partition in the hands of one member, until the next rebalance. */
export class LogAssignment implements DeliverySource {
  readonly partition: LogPartition;
  readonly #committed: number[];
  readonly #leg: EmbeddedLeg;
  readonly #cursor = new Cursor<number>();
  readonly #dueAt: DueAt | null;
  #nextOffset: number;
  isLost = false;

  /** `dueAt`: `null` for records that are due when they come. */
  constructor(
    leg: EmbeddedLeg,
    { partition, committed }: { partition: LogPartition; committed: number[] },
    dueAt: DueAt | null,
  ) {
    this.partition = partition;
    this.#committed = committed;
    this.#leg = leg;
    this.#dueAt = dueAt;
    this.#nextOffset = Math.max(committed[partition.index] ?? 0, 0);
  }

  /** Records that were not handed over yet. */
  get waiting(): number {
    return this.partition.endOffset - this.#nextOffset;
  }

  get unsettled(): number {
    return this.#cursor.unfinished;
  }

  /** When the next record is due, ms since the epoch; `null` if none waits for its time. */
  nextDueMs(): number | null {
    if (this.#dueAt === null) return null;
    const message = this.#peek();
    return message === undefined ? null : this.#dueAt(message);
  }

  /** Hands the next record over; false if there is none that is due. */
  deliverNext(epochMs: number): boolean {
    const message = this.#peek();
    if (message === undefined || (this.#dueAt !== null && this.#dueAt(message) > epochMs)) return false;
    const entry = this.#cursor.add(this.#nextOffset);
    this.#nextOffset += 1;
    this.#leg.deliver(new LogDelivery(message, this, entry));
    return true;
  }

  #peek(): IncomingMessage | undefined {
    // Deleted by retention while it waited: reading goes on with the oldest record that is left.
    if (this.#nextOffset < this.partition.startOffset) this.#nextOffset = this.partition.startOffset;
    return this.partition.read(this.#nextOffset);
  }

  finish(entry: CursorEntry<number>): void {
    if (this.isLost || entry.isFinished) return;
    if (this.#cursor.finish(entry)) {
      this.#committed[this.partition.index] = (this.#cursor.committable() as number) + 1;
    }
    this.#leg.settledOne();
  }
}

class LogDelivery implements Delivery {
  readonly message: IncomingMessage;
  readonly source: LogAssignment;
  readonly #entry: CursorEntry<number>;

  constructor(message: IncomingMessage, source: LogAssignment, entry: CursorEntry<number>) {
    this.message = message;
    this.source = source;
    this.#entry = entry;
  }

  settle(): void {
    this.source.finish(this.#entry);
  }
}
