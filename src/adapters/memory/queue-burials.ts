import type { Clock, Timer } from '../../contract/clock.js';
import type { DeathReason } from './queue-death.js';
import type { QueueEntry } from './queue-entry.js';
import type { QueuePlace } from './queue-place.js';

/** A message that its queue gave up on. */
export interface Dead {
  readonly queue: QueuePlace;
  readonly entry: QueueEntry;
  readonly reason: DeathReason;
}

/** How often dead letters that no queue took are tried again. */
const RETRY_MS = 1_000;

/** Moves dead letters, at least once: what its dead-letter place does not take is kept and tried again. */
export class Burials {
  readonly #clock: Clock;
  readonly #bury: (dead: Dead) => boolean;
  #waiting: Dead[] = [];
  #timer: Timer | null = null;

  /** `bury` answers whether the message is gone from its queue. */
  constructor(clock: Clock, bury: (dead: Dead) => boolean) {
    this.#clock = clock;
    this.#bury = bury;
  }

  add(dead: Dead): void {
    if (!this.#bury(dead)) this.#waiting.push(dead);
    this.#retryLater();
  }

  /** How many of a queue are kept. */
  waiting(queue: string): number {
    return this.#waiting.filter((dead) => dead.queue.name === queue).length;
  }

  #retryLater(): void {
    if (this.#waiting.length === 0 || this.#timer !== null) return;
    this.#timer = this.#clock.schedule(() => {
      this.#timer = null;
      this.#waiting = this.#waiting.filter((dead) => !this.#bury(dead));
      this.#retryLater();
    }, RETRY_MS);
  }
}
