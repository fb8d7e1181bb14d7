import { expect, test } from '@jest/globals';
import type { Inbox, InboxCopy } from '../../../src/contract/inbox.js';
import { ADOPT_AFTER_MS, Follower } from '../../../src/handover/follower.js';
import { HOLD_MAX_MS } from '../../../src/handover/hold-limit.js';
import { memoryInbox } from '../../../src/index.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';
import { deliveryOf } from '../delivery/harness.js';

/** A follower over an inbox whose answers the test sets; `run` holds the ids that it gave to the pipeline. */
function openFollower({ isShared = true }: { isShared?: boolean } = {}) {
  const clock = createFakeClock();
  const settled = new Set<string>();
  const asked: string[][] = [];
  const run: string[] = [];
  const tooLong: string[] = [];
  const world = { isDown: false };
  const inbox: Inbox = {
    ...memoryInbox({ clock }),
    isShared,
    areSettled: async (_, copies: readonly InboxCopy[]) => {
      asked.push(copies.map(({ id }) => id));
      if (world.isDown) throw new Error('no primary');
      return copies.map(({ id }) => settled.has(id));
    },
  };
  const follower = new Follower({
    consumer: 'billing',
    broker: 'rabbitmq',
    inbox,
    pipeline: { accept: ({ message }) => void run.push(message.id ?? 'no id') },
    clock,
    onHeldTooLong: ({ id }) => void tooLong.push(id),
  });
  const take = (id: string | null, headers: Record<string, string> = {}) => {
    const delivery = deliveryOf({ id, headers });
    follower.take(delivery);
    return delivery;
  };
  return { clock, settled, asked, run, tooLong, world, follower, take };
}

test('what exists on this broker alone is run at once: retries, replays, and what nothing identifies', () => {
  const { take, run } = openFollower();
  take('retry', { 'bc-attempt': '2' });
  take('replay', { 'bc-replay-count': '1' });
  take(null);
  take('original', { 'bc-attempt': '1', 'bc-replay-count': '0' });
  expect(run).toEqual(['retry', 'replay', 'no id']);
});

test('every other copy is let go of once the inbox says that it is settled, and not before', async () => {
  const { clock, take, settled, run } = openFollower();
  const [first, second] = [take('first'), take('second')];
  await clock.advance(10_000);
  expect([first.settled, second.settled]).toEqual([0, 0]);
  settled.add('second');
  await clock.advance(250);
  expect([first.settled, second.settled]).toEqual([0, 1]);
  settled.add('first');
  await clock.advance(250);
  expect([first.settled, second.settled, run.length]).toEqual([1, 1, 0]);
});

test('copies are asked about together, four times a second at most while one of them is unsettled', async () => {
  const { clock, take, asked } = openFollower();
  for (const id of ['a', 'b', 'c']) take(id);
  await clock.advance(1_000);
  expect(asked).toEqual(Array(4).fill(['a', 'b', 'c']));
});

test('a leg whose copies are all settled catches up faster', async () => {
  const { clock, take, settled } = openFollower();
  settled.add('old');
  take('old');
  await clock.advance(250);
  const next = take('old');
  await clock.advance(10);
  expect(next.settled).toBe(1);
});

test('a copy that stays unsettled for 30 s is run, in the order of arrival', async () => {
  const { clock, take, run } = openFollower();
  for (const id of ['a', 'b']) take(id);
  await clock.advance(10_000);
  take('c');
  await clock.advance(ADOPT_AFTER_MS - 10_250);
  expect(run).toEqual([]);
  await clock.advance(250);
  expect(run).toEqual(['a', 'b']);
  await clock.advance(10_250);
  expect(run).toEqual(['a', 'b', 'c']);
});

test('with an inbox of this process alone nothing that has an id is run: another instance may have settled it', async () => {
  const { clock, take, run, tooLong } = openFollower({ isShared: false });
  const copy = take('of another instance');
  await clock.advance(HOLD_MAX_MS - 1_000);
  expect({ run, tooLong, settled: copy.settled }).toEqual({ run: [], tooLong: [], settled: 0 });
  await clock.advance(2_000);
  expect(run).toEqual([]);
  expect(tooLong).toContain('of another instance');
});

test('while the inbox does not answer nothing is let go of or run, and afterwards the live leg has its time anew', async () => {
  const { clock, take, world, settled, run } = openFollower();
  const copy = take('a');
  world.isDown = true;
  settled.add('a');
  await clock.advance(120_000);
  expect({ run, settled: copy.settled }).toEqual({ run: [], settled: 0 });
  settled.delete('a');
  world.isDown = false;
  await clock.advance(20_000);
  expect(run).toEqual([]);
  settled.add('a');
  await clock.advance(250);
  expect({ run, settled: copy.settled }).toEqual({ run: [], settled: 1 });
});

test('a paused follower runs nothing that stays unsettled, and gives the live leg its time after the pause', async () => {
  const { clock, take, follower, run } = openFollower();
  take('a');
  follower.pause();
  await clock.advance(60_000);
  follower.resume();
  await clock.advance(29_000);
  expect(run).toEqual([]);
  await clock.advance(2_000);
  expect(run).toEqual(['a']);
});

test('copies of a channel that is gone are dropped', async () => {
  const { clock, take, follower, run, asked } = openFollower();
  const lost = take('lost');
  lost.source.isLost = true;
  await clock.advance(60_000);
  expect({ run, asked: asked.flat(), settled: lost.settled }).toEqual({ run: [], asked: [], settled: 0 });
  expect(follower.close()).toBe(0);
});

test('before it ends it lets go of what is settled by then; it tells how many are left and takes no more', async () => {
  const { take, follower, settled, run } = openFollower();
  const [done, open] = [take('done'), take('open')];
  settled.add('done');
  await follower.settleKnown();
  expect([done.settled, open.settled]).toEqual([1, 0]);
  expect(follower.close()).toBe(1);
  take('late', { 'bc-attempt': '2' });
  expect(run).toEqual([]);
});
