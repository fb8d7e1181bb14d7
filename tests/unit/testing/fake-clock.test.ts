import { expect, test } from '@jest/globals';
import { createFakeClock } from '../../../src/testing/index.js';

test('stands still until it is advanced', async () => {
  const clock = createFakeClock({ epochMs: 1_000 });
  let isCalled = false;
  clock.schedule(() => {
    isCalled = true;
  }, 10);
  await clock.advance(9);
  expect([isCalled, clock.monotonicMs(), clock.epochMs()]).toEqual([false, 9, 1_009]);
  await clock.advance(1);
  expect([isCalled, clock.pendingTimers]).toEqual([true, 0]);
});

test('runs timers in the order in which they are due, those scheduled on the way included', async () => {
  const clock = createFakeClock();
  const calls: string[] = [];
  clock.schedule(() => calls.push(`late at ${clock.monotonicMs()}`), 30);
  clock.schedule(() => {
    calls.push(`early at ${clock.monotonicMs()}`);
    clock.schedule(() => calls.push(`nested at ${clock.monotonicMs()}`), 5);
  }, 10);
  await clock.advance(100);
  expect(calls).toEqual(['early at 10', 'nested at 15', 'late at 30']);
});

test('lets promises go on between two timers', async () => {
  const clock = createFakeClock();
  const calls: string[] = [];
  const after = (ms: number): Promise<void> => new Promise((resolve) => clock.schedule(resolve, ms));
  const chain = async (): Promise<void> => {
    await after(10);
    await after(10);
    calls.push(`chain at ${clock.monotonicMs()}`);
  };
  void chain();
  clock.schedule(() => calls.push('timer at 25'), 25);
  await clock.advance(30);
  expect(calls).toEqual(['chain at 20', 'timer at 25']);
});

test('does not call a cancelled timer', async () => {
  const clock = createFakeClock();
  const timer = clock.schedule(() => expect(true).toBe(false), 1);
  timer.cancel();
  timer.cancel();
  await clock.advance(2);
});
