import type { Clock, Timer } from '../../contract/clock.js';

/** Longest sleep, ms: the time of day may be set while it lasts. */
const SLEEP_MAX_MS = 10_000;

/** Wakes up for a time of day. Timers fire early and clocks are set, so whoever is woken looks at the clock again. */
export class DueTimer {
  readonly #clock: Clock;
  readonly #wake: () => void;
  #timer: Timer | null = null;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** The next time, ms since the Unix epoch; infinite: none. */
  set(dueMs: number): void {
    if (dueMs === this.#dueMs && this.#timer !== null) return;
    this.stop();
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#dueMs = dueMs;
    const delayMs = Math.min(SLEEP_MAX_MS, Math.max(1, Math.ceil(dueMs - this.#clock.epochMs())));
    this.#timer = this.#clock.schedule(() => {
      this.#timer = null;
      this.#wake();
    }, delayMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#dueMs = Number.POSITIVE_INFINITY;
  }
}
