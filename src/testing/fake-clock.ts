import type { Clock, Timer } from '../contract/clock.js';

/** Time that moves only when told to. */
export interface FakeClock extends Clock {
  /**
   * Moves time on by so many ms: timers run in the order in which they are due, and after each of them everything that
   * waits for a resolved promise.
   */
  advance(ms: number): Promise<void>;
  /** Timers that have not run. */
  readonly pendingTimers: number;
}

/** Options of {@link createFakeClock}. */
export interface FakeClockOptions {
  /** What `epochMs` starts at. Default 1,700,000,000,000 (November 2023). */
  readonly epochMs?: number;
}

interface Pending {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Rounds of promise callbacks that run between two timers: more than any chain of awaits in one step is long. */
const MICROTASK_ROUNDS = 100;

async function flushMicrotasks(): Promise<void> {
  for (let round = 0; round < MICROTASK_ROUNDS; round += 1) await Promise.resolve();
}

/** Makes a clock that stands at 0 ms. */
export function createFakeClock(options: FakeClockOptions = {}): FakeClock {
  const startedAtMs = options.epochMs ?? 1_700_000_000_000;
  const pending = new Set<Pending>();
  let nowMs = 0;

  /** The timer that is due first; of those due at the same time the one that was scheduled first. */
  const nextUntil = (endMs: number): Pending | undefined => {
    let next: Pending | undefined;
    for (const one of pending) {
      if (one.dueMs <= endMs && (next === undefined || one.dueMs < next.dueMs)) next = one;
    }
    return next;
  };

  return {
    monotonicMs: () => nowMs,
    epochMs: () => startedAtMs + nowMs,
    get pendingTimers() {
      return pending.size;
    },
    schedule(callback, delayMs): Timer {
      const one: Pending = { dueMs: nowMs + Math.max(0, delayMs), callback };
      pending.add(one);
      return { cancel: () => void pending.delete(one) };
    },
    async advance(ms) {
      const endMs = nowMs + ms;
      await flushMicrotasks();
      for (let next = nextUntil(endMs); next !== undefined; next = nextUntil(endMs)) {
        pending.delete(next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.callback();
        await flushMicrotasks();
      }
      nowMs = endMs;
    },
  };
}
