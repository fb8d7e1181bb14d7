import { afterEach, expect, jest, test } from '@jest/globals';
import { systemClock } from '../../../src/delivery/system-clock.js';

afterEach(() => {
  jest.restoreAllMocks();
});

test('a delay that is longer than Node.js takes becomes the longest one, not none', () => {
  const schedule = jest.spyOn(globalThis, 'setTimeout');
  systemClock.schedule(() => undefined, 2 ** 40).cancel();
  expect(schedule.mock.calls[0]?.[1]).toBe(2 ** 31 - 1);
});

test('timers keep the process alive only when they are asked to', () => {
  const schedule = jest.spyOn(globalThis, 'setTimeout');
  for (const keepAlive of [true, false])
    systemClock.schedule(() => undefined, 1_000_000, { keepAlive }).cancel();
  systemClock.schedule(() => undefined, 1_000_000).cancel();
  const timers = schedule.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef());
  expect(timers).toEqual([true, false, false]);
});

test('its two times go on', () => {
  const [monotonic, epoch] = [systemClock.monotonicMs(), systemClock.epochMs()];
  expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(monotonic);
  expect(Math.abs(epoch - Date.now())).toBeLessThan(60_000);
});
