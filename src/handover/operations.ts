import { BuscouplerError } from '../contract/errors.js';

/** The operations of one consumer, one after another. A stop is let through: what waits before it is not begun any more. */
export class Operations {
  readonly #consumer: string;
  #last: Promise<unknown> = Promise.resolve();
  /** Stops that were called and have not begun. */
  #stops = 0;

  constructor(consumer: string) {
    this.#consumer = consumer;
  }

  /** True while a stop waits for the operation before it: that shall end soon, and begin nothing. */
  get isStopAwaited(): boolean {
    return this.#stops > 0;
  }

  /** What an operation rejects with that a stop cut short. */
  stopped(): BuscouplerError {
    return new BuscouplerError('BC_LIFECYCLE', `The consumer "${this.#consumer}" was stopped.`);
  }

  run<Result>(operation: () => Promise<Result>): Promise<Result> {
    return this.#enqueue(() => (this.isStopAwaited ? Promise.reject(this.stopped()) : operation()));
  }

  stop<Result>(operation: () => Promise<Result>): Promise<Result> {
    this.#stops += 1;
    return this.#enqueue(() => {
      this.#stops -= 1;
      return operation();
    });
  }

  #enqueue<Result>(operation: () => Promise<Result>): Promise<Result> {
    const next = this.#last.then(operation, operation);
    this.#last = next.catch(() => undefined);
    return next;
  }
}
