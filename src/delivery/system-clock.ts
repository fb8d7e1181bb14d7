import { performance } from 'node:perf_hooks';
import type { Clock } from '../contract/clock.js';

/** Longest delay that Node.js takes, ms: it runs a longer one at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Real time. Timers do not keep the process alive unless asked to. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  epochMs: () => Date.now(),
  schedule(callback, delayMs, options) {
    const timer = setTimeout(callback, Math.min(delayMs, TIMER_MAX_MS));
    if (!options?.keepAlive) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
