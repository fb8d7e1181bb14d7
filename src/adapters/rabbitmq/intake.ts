import type { ConsumeMessage } from 'amqplib/callback_api';

/** What an intake is made of. */
export interface IntakeOptions {
  readonly hasRoom: () => boolean;
  readonly handOver: (message: ConsumeMessage) => void;
}

/**
 * Keeps back what arrived and may not be handed over yet: it came while pausing, or beyond the capacity. The server
 * counts a prefetch for each consumer, so what was out before a new one comes on top of it.
 */
export class Intake {
  readonly #options: IntakeOptions;
  #kept: ConsumeMessage[] = [];
  #isPouring = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Arrived and not handed over. */
  get size(): number {
    return this.#kept.length;
  }

  add(message: ConsumeMessage): void {
    if (this.#kept.length === 0 && this.#options.hasRoom()) this.#options.handOver(message);
    else this.#kept.push(message);
  }

  /** Hands over what there is room for. One that is settled at once calls this from inside: the outer loop goes on. */
  pour(): void {
    if (this.#isPouring || this.#kept.length === 0) return;
    this.#isPouring = true;
    while (this.#kept.length > 0 && this.#options.hasRoom()) {
      this.#options.handOver(this.#kept.shift() as ConsumeMessage);
    }
    this.#isPouring = false;
  }

  /** Lets go of everything kept; the broker delivers it again. */
  clear(): void {
    this.#kept = [];
  }
}
