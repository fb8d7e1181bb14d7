import type { Clock, Timer } from '../../../../src/contract/clock.js';

interface Pending {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Lets every microtask that is queued, and those that they queue, run. */
export async function settleMicrotasks(): Promise<void> {
  for (let rounds = 0; rounds < 50; rounds += 1) await Promise.resolve();
}

/** Time that moves only when told to. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #timers: Pending[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  schedule(callback: () => void, delayMs: number): Timer {
    const pending = { dueMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.push(pending);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((one) => one !== pending);
      },
    };
  }

  /** Moves time on, timer by timer in order of their due times, with all microtasks in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settleMicrotasks();
    for (let next = this.#nextUntil(endMs); next !== undefined; next = this.#nextUntil(endMs)) {
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
      await settleMicrotasks();
    }
    this.#nowMs = endMs;
  }

  #nextUntil(endMs: number): Pending | undefined {
    return this.#timers
      .filter((one) => one.dueMs <= endMs)
      .reduce<Pending | undefined>(
        (best, one) => (best === undefined || one.dueMs < best.dueMs ? one : best),
        undefined,
      );
  }
}
