import { performance } from 'node:perf_hooks';
import type { Clock } from '../contract/clock.js';

/** Real time. Timers do not keep the process alive unless asked to. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  epochMs: () => Date.now(),
  schedule(callback, delayMs, options) {
    const timer = setTimeout(callback, delayMs);
    if (!options?.keepAlive) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
