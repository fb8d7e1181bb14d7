import type { Delivery, DeliverySource } from '../../contract/broker.js';
import type { IncomingMessage } from '../../contract/message.js';
import type { EmbeddedLeg } from './leg.js';
import type { QueueEntry } from './queue-entry.js';

/** The queue of a channel. */
export interface ChannelQueue {
  /** The consumer is done with the message. */
  acknowledged(entry: QueueEntry): void;
}

/** One consumer of one queue, and what it was handed and has not settled: a list linked through the deliveries. */
export class QueueChannel implements DeliverySource {
  readonly #queue: ChannelQueue;
  readonly #leg: EmbeddedLeg;
  #first: QueueDelivery | null = null;
  #last: QueueDelivery | null = null;
  isLost = false;

  constructor(queue: ChannelQueue, leg: EmbeddedLeg) {
    this.#queue = queue;
    this.#leg = leg;
  }

  get canTake(): boolean {
    return this.#leg.canTake;
  }

  deliver(entry: QueueEntry): void {
    const delivery = new QueueDelivery(this, entry);
    delivery.previous = this.#last;
    if (this.#last === null) this.#first = delivery;
    else this.#last.next = delivery;
    this.#last = delivery;
    this.#leg.deliver(delivery);
  }

  /** The queue forgets the message. */
  settle(delivery: QueueDelivery): void {
    if (delivery.previous === null) this.#first = delivery.next;
    else delivery.previous.next = delivery.next;
    if (delivery.next === null) this.#last = delivery.previous;
    else delivery.next.previous = delivery.previous;
    delivery.previous = null;
    delivery.next = null;
    this.#queue.acknowledged(delivery.entry);
    this.#leg.settledOne();
  }

  /** Handed over and unsettled, in order. */
  unsettled(): QueueEntry[] {
    const entries: QueueEntry[] = [];
    for (let one = this.#first; one !== null; one = one.next) entries.push(one.entry);
    return entries;
  }

  /** The queue was deleted: its consumer waits for it to come back. */
  cancelled(): void {
    this.#leg.lostPlace();
  }
}

class QueueDelivery implements Delivery {
  readonly message: IncomingMessage;
  readonly source: QueueChannel;
  readonly entry: QueueEntry;
  previous: QueueDelivery | null = null;
  next: QueueDelivery | null = null;
  #isSettled = false;

  constructor(source: QueueChannel, entry: QueueEntry) {
    this.source = source;
    this.entry = entry;
    this.message = entry.message;
  }

  settle(): void {
    if (this.#isSettled || this.source.isLost) return;
    this.#isSettled = true;
    this.source.settle(this);
  }
}
