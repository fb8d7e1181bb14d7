import type { Clock, Timer } from '../../contract/clock.js';
import type { IncomingMessage } from '../../contract/message.js';
import type { QueueChannel } from './queue-channel.js';
import { QueueEntry } from './queue-entry.js';
import { Ring } from './ring.js';
import type { Turns, TurnTask } from './turns.js';

/** How a queue is declared; declaring it again needs the same. */
export interface QueueOptions {
  readonly name: string;
  /** Returns after which a message is given up on. Default 20. */
  readonly deliveryLimit?: number;
  /** Where messages go that are given up on or expired. Default: nowhere, they are dropped. */
  readonly deadLetter?: { readonly exchange: string; readonly routingKey: string };
  /** Messages expire this long after they came, ms; at the head only. Default: never. */
  readonly messageTtlMs?: number;
  /** Publishes are refused while this many messages are ready. Default: no limit. */
  readonly maxLength?: number;
}

/** What a queue tells its store. */
export interface QueueOwner {
  readonly clock: Clock;
  readonly turns: Turns;
  /** The message is gone from the queue and from memory. */
  removed(entry: QueueEntry): void;
  /** The queue gave up on it; the store moves it to the dead-letter exchange, or keeps it until it can. */
  dead(queue: QueuePlace, entry: QueueEntry, reason: 'expired' | 'delivery_limit'): void;
}

/** A queue: messages in order, consumers that compete for them, and what they have not settled. */
export class QueuePlace implements TurnTask {
  readonly name: string;
  readonly options: QueueOptions;
  readonly #owner: QueueOwner;
  readonly #ready = new Ring<QueueEntry>();
  readonly #channels: QueueChannel[] = [];
  /** Looked at by readers; they come back. */
  readonly #lent = new Set<QueueEntry>();
  #next = 0;
  #sequence = 0;
  #unsettled = 0;
  #expiry: Timer | null = null;
  isQueued = false;

  constructor(options: QueueOptions, owner: QueueOwner) {
    this.name = options.name;
    this.options = options;
    this.#owner = owner;
  }

  /** Waiting to be handed over. */
  get ready(): number {
    return this.#ready.size;
  }

  /** Handed over and not settled. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** Consumers that are attached. */
  get consumers(): number {
    return this.#channels.length;
  }

  get isFull(): boolean {
    const { maxLength } = this.options;
    return maxLength !== undefined && this.#ready.size >= maxLength;
  }

  push(message: IncomingMessage, bytes: number): void {
    const { messageTtlMs } = this.options;
    const expiresAtMs =
      messageTtlMs === undefined ? Infinity : this.#owner.clock.monotonicMs() + messageTtlMs;
    this.#sequence += 1;
    this.#ready.push(new QueueEntry(message, { bytes, sequence: this.#sequence, expiresAtMs }));
    if (messageTtlMs !== undefined) this.#awaitExpiry();
    this.wake();
  }

  /** There may be something to hand over. */
  wake(): void {
    if (!this.isQueued && this.#channels.length > 0 && this.#ready.size > 0) this.#owner.turns.queue(this);
  }

  open(channel: QueueChannel): void {
    this.#channels.push(channel);
    this.wake();
  }

  /** What the channel has not settled comes back. Returns how many that were. */
  close(channel: QueueChannel): number {
    const index = this.#channels.indexOf(channel);
    if (index < 0) return 0;
    this.#channels.splice(index, 1);
    channel.isLost = true;
    const entries = channel.unsettled();
    this.#takeBack(entries);
    return entries.length;
  }

  /** Number of the last message that came. */
  get lastSequence(): number {
    return this.#sequence;
  }

  /** Hands the head to a reader, unless it came after the given message; `undefined`: there is none. */
  lend(untilSequence: number): QueueEntry | undefined {
    const head = this.#ready.at(0);
    if (head === undefined || head.sequence > untilSequence) return undefined;
    this.#ready.shift();
    this.#lent.add(head);
    this.#unsettled += 1;
    return head;
  }

  /** What a reader has not taken comes back. */
  giveBack(entries: Iterable<QueueEntry>): void {
    this.#takeBack([...entries].filter((entry) => this.#lent.delete(entry)));
  }

  /** A reader takes a message that it was handed; `false`: it is gone already. */
  take(entry: QueueEntry): boolean {
    if (!this.#lent.delete(entry)) return false;
    this.acknowledged(entry);
    return true;
  }

  acknowledged(entry: QueueEntry): void {
    this.#unsettled -= 1;
    this.#owner.removed(entry);
  }

  /** Every message that it holds, in order. */
  entries(): QueueEntry[] {
    const unsettled = this.#channels.flatMap((channel) => channel.unsettled());
    return [...unsettled, ...this.#lent, ...this.#ready.toArray()].sort((a, b) => a.sequence - b.sequence);
  }

  /** Closes its consumers' channels and throws every message away. */
  destroy(): void {
    for (const channel of [...this.#channels]) channel.cancelled();
    for (const entry of this.entries()) this.#owner.removed(entry);
    this.#ready.clear();
    this.#lent.clear();
    this.#expiry?.cancel();
  }

  run(limit: number): number {
    let done = 0;
    while (done < limit && this.#ready.size > 0) {
      const channel = this.#nextChannel();
      if (channel === null) return done;
      if (this.#expireHead()) continue;
      this.#unsettled += 1;
      channel.deliver(this.#ready.shift() as QueueEntry);
      done += 1;
    }
    this.wake();
    return done;
  }

  /** Consumers that can take have their turn one after another. */
  #nextChannel(): QueueChannel | null {
    const count = this.#channels.length;
    for (let tries = 0; tries < count; tries += 1) {
      this.#next = (this.#next + 1) % count;
      const channel = this.#channels[this.#next] as QueueChannel;
      if (channel.canTake) return channel;
    }
    return null;
  }

  /** Returned messages go where they were; those that came back too often are given up on. */
  #takeBack(entries: readonly QueueEntry[]): void {
    const { deliveryLimit = 20 } = this.options;
    const kept: QueueEntry[] = [];
    for (const entry of entries) {
      this.#unsettled -= 1;
      entry.comeBack();
      if (entry.returns > deliveryLimit) this.#owner.dead(this, entry, 'delivery_limit');
      else kept.push(entry);
    }
    this.#insert(kept);
    this.wake();
  }

  /** Merges into the head by sequence. */
  #insert(entries: readonly QueueEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    const front: QueueEntry[] = [...entries];
    for (let head = this.#ready.at(0); head !== undefined; head = this.#ready.at(0)) {
      if (head.sequence > last.sequence) break;
      front.push(head);
      this.#ready.shift();
    }
    front.sort((a, b) => b.sequence - a.sequence);
    for (const entry of front) this.#ready.unshift(entry);
    if (this.options.messageTtlMs !== undefined) this.#awaitExpiry();
  }

  #expireHead(): boolean {
    const head = this.#ready.at(0);
    if (head === undefined || head.expiresAtMs === Infinity) return false;
    if (head.expiresAtMs > this.#owner.clock.monotonicMs()) return false;
    this.#ready.shift();
    this.#owner.dead(this, head, 'expired');
    return true;
  }

  #awaitExpiry(): void {
    const head = this.#ready.at(0);
    if (head === undefined || this.#expiry !== null) return;
    const delayMs = Math.max(0, head.expiresAtMs - this.#owner.clock.monotonicMs());
    this.#expiry = this.#owner.clock.schedule(() => {
      this.#expiry = null;
      while (this.#expireHead());
      this.#awaitExpiry();
    }, delayMs);
  }
}
