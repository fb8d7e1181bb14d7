import type { Clock, Timer } from '../contract/clock.js';

/** A point in time that can be brought forward while somebody waits for it. */
export class Deadline {
  readonly #clock: Clock;
  #endMs: number;
  #timer: Timer;
  #pass!: () => void;
  /** Resolves when it has passed. */
  readonly passed: Promise<void>;

  /** `endMs` is on `Clock.monotonicMs`. */
  constructor(clock: Clock, endMs: number) {
    this.#clock = clock;
    this.#endMs = endMs;
    this.passed = new Promise((resolve) => {
      this.#pass = resolve;
    });
    this.#timer = this.#schedule();
  }

  get leftMs(): number {
    return Math.max(0, this.#endMs - this.#clock.monotonicMs());
  }

  /** Without effect unless it is earlier. */
  bringForward(endMs: number): void {
    if (endMs >= this.#endMs) return;
    this.#endMs = endMs;
    this.#timer.cancel();
    this.#timer = this.#schedule();
  }

  cancel(): void {
    this.#timer.cancel();
  }

  #schedule(): Timer {
    return this.#clock.schedule(this.#pass, this.leftMs, { keepAlive: true });
  }
}
