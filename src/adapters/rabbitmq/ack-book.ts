import type { Delivery, DeliverySource } from '../../contract/broker.js';
import type { Clock, Timer } from '../../contract/clock.js';
import type { IncomingMessage } from '../../contract/message.js';
import { Cursor, type CursorEntry } from '../../delivery/cursor.js';

/** Longest time that a finished delivery waits for others to share one ack, ms. */
const SHARE_MS = 10;

/** Longest time that finished deliveries wait for an older one that is still being handled, ms. */
const HOLD_MS = 1000;

/** What one channel needs to acknowledge. */
export interface AckBookOptions {
  readonly clock: Clock;
  /** Sends one ack frame; `isMultiple`: everything up to the tag. Not called after the channel was lost. */
  readonly ack: (tag: number, isMultiple: boolean) => void;
  /** A delivery was settled for the first time while the channel lived. */
  readonly settled: () => void;
}

/**
 * The deliveries of one channel. Settled ones that follow one another share a multiple ack, never past an unfinished
 * one; what finished out of order is acked singly once it has waited too long, so that one slow delivery does not
 * starve the others of their prefetch.
 */
export class AckBook implements DeliverySource {
  readonly #options: AckBookOptions;
  readonly #cursor = new Cursor<ChannelDelivery>();
  #share = 1;
  #isLost = false;
  /** Tag of the last delivery of the finished prefix that no frame has acked yet; 0: none. */
  #readyTag = 0;
  #readyCount = 0;
  /** Finished out of order and not acked. */
  #heldCount = 0;
  #shareTimer: Timer | null = null;
  #holdTimer: Timer | null = null;

  constructor(options: AckBookOptions) {
    this.#options = options;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Delivered and not settled. */
  get unsettled(): number {
    return this.#cursor.unfinished;
  }

  /** Delivered and not acked by any frame: what the server delivers again when the channel dies. */
  get unacked(): number {
    return this.#cursor.unfinished + this.#readyCount + this.#heldCount;
  }

  /** Half a prefetch shares one ack: the server has the other half to go on with. */
  setPrefetch(prefetch: number): void {
    this.#share = Math.max(1, Math.floor(prefetch / 2));
  }

  add(tag: number, message: IncomingMessage): Delivery {
    const delivery = new ChannelDelivery(this, tag, message);
    delivery.entry = this.#cursor.add(delivery);
    return delivery;
  }

  /** The channel is gone: everything unacked is void, the server delivers it again. */
  lose(): void {
    this.#isLost = true;
    this.#stopTimers();
  }

  settle(delivery: ChannelDelivery): void {
    const { entry } = delivery;
    if (entry === null || entry.isFinished) return;
    const isHead = this.#cursor.finish(entry);
    if (this.#isLost) return;
    if (isHead) this.#advance(entry);
    else this.#hold();
    this.#options.settled();
  }

  /** Walks the finished prefix: a multiple ack may end only at a tag that was not acked singly (406 otherwise). */
  #advance(first: CursorEntry<ChannelDelivery>): void {
    for (let entry: typeof first | null = first; entry?.isFinished; entry = entry.next) {
      if (entry.position.isAcked) continue;
      if (entry !== first) this.#heldCount -= 1;
      this.#readyTag = entry.position.tag;
      this.#readyCount += 1;
    }
    if (this.#readyCount >= this.#share) this.#ackReady();
    else this.#shareTimer ??= this.#options.clock.schedule(() => this.#ackReady(), SHARE_MS);
  }

  #hold(): void {
    this.#heldCount += 1;
    if (this.#heldCount >= this.#share) this.#ackHeld();
    else this.#holdTimer ??= this.#options.clock.schedule(() => this.#ackHeld(), HOLD_MS);
  }

  #ackReady(): void {
    this.#shareTimer?.cancel();
    this.#shareTimer = null;
    if (this.#isLost || this.#readyCount === 0) return;
    const isMultiple = this.#readyCount > 1;
    this.#readyCount = 0;
    this.#options.ack(this.#readyTag, isMultiple);
  }

  #ackHeld(): void {
    this.#holdTimer?.cancel();
    this.#holdTimer = null;
    this.#heldCount = 0;
    const oldest = this.#cursor.oldestUnfinished();
    for (let entry = oldest?.entry ?? null; entry !== null && !this.#isLost; entry = entry.next) {
      if (!entry.isFinished || entry.position.isAcked) continue;
      entry.position.isAcked = true;
      this.#options.ack(entry.position.tag, false);
    }
  }

  /** Acks everything that is settled. */
  flush(): void {
    if (this.#isLost) return;
    this.#ackReady();
    this.#ackHeld();
  }

  #stopTimers(): void {
    this.#shareTimer?.cancel();
    this.#holdTimer?.cancel();
  }
}

/** One delivery; it remembers its channel and is acked there once, or nowhere. */
class ChannelDelivery implements Delivery {
  readonly source: AckBook;
  readonly tag: number;
  readonly message: IncomingMessage;
  entry: CursorEntry<ChannelDelivery> | null = null;
  /** Acked by itself, out of order. */
  isAcked = false;

  constructor(source: AckBook, tag: number, message: IncomingMessage) {
    this.source = source;
    this.tag = tag;
    this.message = message;
  }

  settle(): void {
    this.source.settle(this);
  }
}
