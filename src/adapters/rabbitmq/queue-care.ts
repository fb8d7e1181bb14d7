import type { AnyConsumer } from '../../contract/consumer.js';
import type { BuscouplerError } from '../../contract/errors.js';
import type { EmitEvent } from '../../contract/events.js';
import type { Logger } from '../../contract/logger.js';
import type { PlaceAccess } from './places.js';
import { bindConsumer, provisionTopology } from './topology.js';

/** Whose queue is looked after, and who is told. */
export interface QueueCareOptions {
  readonly consumer: AnyConsumer;
  readonly emit: EmitEvent;
  readonly logger: Logger;
}

/** Knows when the places of a consumer may be gone, and makes them again before it consumes; those of others are left alone. */
export class QueueCare {
  readonly #options: QueueCareOptions;
  #isQueueGone = false;
  /** Connections that were lost, and after how many of them the places were last made: a server may come back without what it had. */
  #losses = 0;
  #madeAfter = 0;

  constructor(options: QueueCareOptions) {
    this.#options = options;
  }

  /** It vanished, and was not made again yet. */
  get isQueueGone(): boolean {
    return this.#isQueueGone;
  }

  /** The server cancelled the consumer or knows no such queue. */
  queueGone(): void {
    this.#isQueueGone = true;
  }

  /** The connection is gone, and the server with it, for all that is known. */
  connectionLost(): void {
    this.#losses += 1;
  }

  /** Makes again what may be gone; rejects with why a queue that is gone cannot be made. */
  async look(access: PlaceAccess): Promise<void> {
    const losses = this.#losses; // one more may come meanwhile
    if (this.#isQueueGone) await this.#provision(access);
    else if (losses !== this.#madeAfter) await this.#bind(access);
    this.#isQueueGone = false;
    this.#madeAfter = losses;
  }

  #provision(access: PlaceAccess): Promise<void> {
    const { consumer, emit } = this.#options;
    return provisionTopology({ access, emit }, { topics: [], consumers: [consumer] });
  }

  /** What waits in the queue is consumed with or without its bindings; that the queue itself is gone is told by consuming. */
  async #bind(access: PlaceAccess): Promise<void> {
    const { consumer, logger } = this.#options;
    try {
      await bindConsumer(access, consumer);
    } catch (error) {
      if ((error as BuscouplerError).code === 'BC_BROKER_UNAVAILABLE') throw error;
      logger.warn({ err: error, consumer: consumer.name }, 'a queue could not be bound again');
    }
  }
}
