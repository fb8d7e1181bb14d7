import type { Clock } from '../../contract/clock.js';
import { systemClock } from '../../delivery/system-clock.js';
import { Ring } from './ring.js';

/** Work that an embedded broker does in pieces. */
export interface TurnTask {
  /** Kept by {@link Turns}. */
  isQueued: boolean;
  /** Does at most about `limit` steps and returns how many it did. Queues itself again if some are left. Never throws. */
  run(limit: number): number;
}

/** Steps (a publish, a delivery) after which the event loop gets its turn. */
const STEPS_PER_TURN = 1024;

/**
 * Runs the tasks of one embedded broker one after another: soon, in a microtask, but never inside the call that queued
 * them, and not so long that timers and sockets starve.
 */
export class Turns {
  readonly #nextTurn: (callback: () => void) => void;
  readonly #tasks = new Ring<TurnTask>();
  #isScheduled = false;
  #steps = 0;

  /**
   * With the system clock a long run goes on after the event loop had its turn (`setImmediate`), with any other when
   * that clock's time is advanced, by 0 ms at least.
   */
  constructor(clock: Clock) {
    this.#nextTurn =
      clock === systemClock
        ? setImmediate
        : (callback) => void clock.schedule(callback, 0, { keepAlive: true });
  }

  queue(task: TurnTask): void {
    if (task.isQueued) return;
    task.isQueued = true;
    this.#tasks.push(task);
    if (!this.#isScheduled) this.#schedule();
  }

  #schedule(): void {
    this.#isScheduled = true;
    if (this.#steps < STEPS_PER_TURN) {
      queueMicrotask(this.#drain);
    } else {
      this.#steps = 0;
      this.#nextTurn(this.#drain);
    }
  }

  readonly #drain = (): void => {
    while (this.#steps < STEPS_PER_TURN) {
      const task = this.#tasks.shift();
      if (task === undefined) break;
      task.isQueued = false;
      this.#steps += task.run(STEPS_PER_TURN - this.#steps);
    }
    if (this.#tasks.size > 0) this.#schedule();
    else this.#isScheduled = false;
  };
}
