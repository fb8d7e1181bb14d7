import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backoffDelayMs, wait } from '../../../src/delivery/backoff.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';

const BACKOFF = { initialMs: 100, factor: 2, maxMs: 1_000, jitter: 0.2 };

test('doubles from the first delay up to the longest one', () => {
  const delays = [1, 2, 3, 4, 5, 50, 5_000].map((retry) => backoffDelayMs(BACKOFF, retry, () => 0));
  expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000]);
});

test('jitter only ever takes away, and at most its share', () => {
  const unit = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), unit, unit, (retry, jitter, chance) => {
      const full = backoffDelayMs({ ...BACKOFF, jitter: 0 }, retry, () => chance);
      const delay = backoffDelayMs({ ...BACKOFF, jitter }, retry, () => chance);
      return delay <= full && delay >= Math.floor(full * (1 - jitter));
    }),
  );
});

test('a wait ends early when its signal aborts, and leaves neither timer nor listener behind', async () => {
  const clock = createFakeClock();
  const controller = new AbortController();
  const waiting = wait(clock, 1_000, controller.signal);
  expect(clock.pendingTimers).toBe(1);
  controller.abort();
  await waiting;
  expect(clock.pendingTimers).toBe(0);
  await wait(clock, 1_000, controller.signal);
  expect(clock.pendingTimers).toBe(0);
});
