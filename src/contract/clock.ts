/** A running timer. */
export interface Timer {
  /** Idempotent. */
  cancel(): void;
}

/** Time, injected so that tests and the embedded brokers are deterministic. */
export interface Clock {
  /** Monotonic ms; for deadlines and durations. */
  monotonicMs(): number;
  /** Ms since the Unix epoch; for what is written into messages. */
  epochMs(): number;
  /** Calls back once after at least `delayMs`. Real timers do not keep the process alive unless `keepAlive`. */
  schedule(callback: () => void, delayMs: number, options?: { readonly keepAlive?: boolean }): Timer;
}

/** Uniform in [0, 1), injected like the clock. */
export type Random = () => number;
