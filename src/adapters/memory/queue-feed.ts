import type { AnyConsumer } from '../../contract/consumer.js';
import { queueOf } from '../../messages/names.js';
import type { EmbeddedLeg, Feed } from './leg.js';
import { QueueChannel } from './queue-channel.js';
import type { QueuePlace } from './queue-place.js';
import type { QueueStore } from './queue-store.js';

/** Feeds a leg from its queue, in competition with the others. */
export class QueueFeed implements Feed {
  readonly #store: QueueStore;
  readonly #consumer: AnyConsumer;
  #leg: EmbeddedLeg | null = null;
  #queue: QueuePlace | null = null;
  #channel: QueueChannel | null = null;

  constructor(store: QueueStore, consumer: AnyConsumer) {
    this.#store = store;
    this.#consumer = consumer;
  }

  join(leg: EmbeddedLeg): void {
    this.#leg = leg;
    this.#queue = this.#store.requireQueue(queueOf(this.#consumer));
    this.#channel = new QueueChannel(this.#queue, leg);
    this.#queue.open(this.#channel);
  }

  leave(): void {
    if (this.#channel === null || this.#queue === null) return;
    const returned = this.#queue.close(this.#channel);
    this.#channel = null;
    this.#leg?.lostSome(returned);
  }

  wake(): void {
    this.#queue?.wake();
  }

  waiting(): number {
    return this.#queue?.ready ?? 0;
  }
}
