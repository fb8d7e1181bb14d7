import type { Clock, Random } from '../contract/clock.js';
import type { BackoffOptions } from '../contract/consumer.js';

/** Delay before the given retry (1: the first), ms; jitter takes away up to its share, so the maximum holds. */
export function backoffDelayMs(backoff: Required<BackoffOptions>, retry: number, random: Random): number {
  const full = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** (retry - 1));
  return Math.round(full * (1 - backoff.jitter * random()));
}

/** Resolves after the delay, or at once when the signal is aborted; never rejects. */
export function wait(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = clock.schedule(done, delayMs, { keepAlive: true });
    signal?.addEventListener('abort', done, { once: true });
    function done(): void {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}
