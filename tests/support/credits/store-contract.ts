import { expect, test } from '@jest/globals';
import type { CreditsStore, Deadlines } from '../../../src/modules/credits-process/credits-process.store.js';

const LATER: Deadlines = { expiresAtMs: 10_000, forgetAtMs: 20_000 };

let users = 0;

/** A user of its own with so much credit, and what the cases do with it. */
async function scene(store: CreditsStore, credit: number) {
  users += 1;
  const user = `user/${users} ä`;
  if (credit > 0) await store.topUp({ id: `payment-${user}`, user, amount: credit });
  const step = (request: string, cost: number, messageId: string) => ({ request, user, cost, messageId });
  return {
    user,
    start: (request: string, cost: number, id = `start-${request}`) =>
      store.start(step(request, cost, id), LATER),
    end: (request: string, cost: number, id = `end-${request}`) => store.end(step(request, cost, id)),
    state: (request: string) => store.stateOf(user, request),
    balance: async () => {
      const { available, reserved, spent, owed } = await store.balanceOf(user);
      return [available, reserved, spent, owed];
    },
  };
}

/** What every store of credits does. Balances as available, reserved, spent, owed. */
export function describeCreditsStore(open: () => CreditsStore): void {
  test('a request reserves what it is going to cost, and pays what it has cost', async () => {
    const { start, end, balance, state } = await scene(open(), 100);
    expect(await start('a', 30)).toBe('reserved');
    expect(await balance()).toEqual([70, 30, 0, 0]);
    expect(await end('a', 12)).toBe('settled');
    expect(await balance()).toEqual([88, 0, 12, 0]);
    expect(await state('a')).toBe('settled');
    expect(await state('b')).toBeNull();
  });

  test('each message counts once, however often it comes and whatever came meanwhile', async () => {
    const { start, end, balance } = await scene(open(), 100);
    await start('a', 30);
    await start('a', 30);
    await start('a', 50, 'another start');
    expect(await balance()).toEqual([70, 30, 0, 0]);
    await end('a', 40);
    await end('a', 40);
    await end('a', 99, 'another end');
    expect(await start('a', 30)).toBe('settled');
    expect(await balance()).toEqual([60, 0, 40, 0]);
  });

  test('an end that comes first is parked, and applied when the start comes', async () => {
    const { start, end, balance } = await scene(open(), 100);
    expect(await end('a', 12)).toBe('parked');
    expect(await end('a', 12)).toBe('parked');
    expect(await balance()).toEqual([100, 0, 0, 0]);
    expect(await start('a', 30)).toBe('settled');
    expect(await balance()).toEqual([88, 0, 12, 0]);
  });

  test('with too little the request is refused, and costs nothing, not even when it ends', async () => {
    const { start, end, balance } = await scene(open(), 20);
    expect(await start('a', 30)).toBe('refused');
    expect(await start('b', 20)).toBe('reserved');
    expect(await start('a', 30)).toBe('refused');
    expect(await end('a', 30)).toBe('refused');
    expect(await balance()).toEqual([0, 20, 0, 0]);
  });

  test('who has nothing at all is refused', async () => {
    const { start, balance } = await scene(open(), 0);
    expect(await start('a', 1)).toBe('refused');
    expect(await balance()).toEqual([0, 0, 0, 0]);
  });

  test('an end that costs more than what is there takes what is there, and the rest is owed', async () => {
    const { start, end, balance } = await scene(open(), 100);
    await start('a', 60);
    await start('b', 30);
    await end('a', 90);
    expect(await balance()).toEqual([0, 30, 70, 20]);
    await end('a', 90);
    await end('b', 10);
    expect(await balance()).toEqual([20, 0, 80, 20]);
  });

  test('a reservation expires once, and an end that comes later is settled exactly', async () => {
    const store = open();
    const { start, end, balance, state } = await scene(store, 100);
    await start('a', 60);
    await start('b', 30);
    await end('b', 30);
    await store.expire(9_999);
    expect(await balance()).toEqual([10, 60, 30, 0]);
    await store.expire(10_000);
    await store.expire(10_000);
    expect(await balance()).toEqual([70, 0, 30, 0]);
    expect(await state('a')).toBe('expired');
    await start('a', 60);
    expect(await end('a', 50)).toBe('settled');
    await end('a', 50);
    expect(await balance()).toEqual([20, 0, 80, 0]);
  });

  test('a request that never ends is abandoned, and its end changes nothing any more', async () => {
    const store = open();
    const { start, end, balance } = await scene(store, 100);
    await start('a', 60);
    await store.expire(20_000);
    await store.expire(20_000);
    expect(await end('a', 50)).toBe('abandoned');
    expect(await balance()).toEqual([100, 0, 0, 0]);
  });

  test('the same payment counts once, and none makes the balance inexact', async () => {
    const store = open();
    const { user, balance } = await scene(store, 5);
    await store.topUp({ id: `payment-${user}`, user, amount: 5 });
    expect(await balance()).toEqual([5, 0, 0, 0]);
    const tooMuch = { id: `${user}-more`, user, amount: 4_000_000_000_000_000 };
    await expect(store.topUp(tooMuch)).rejects.toThrow('would exceed');
    expect(await balance()).toEqual([5, 0, 0, 0]);
  });

  test('amounts near the limit stay exact', async () => {
    const { start, end, balance } = await scene(open(), 3_999_999_999_999_999);
    await start('a', 1_000_000_000_000_000);
    await start('b', 999_999_999_999_999);
    await end('b', 999_999_999_999_997);
    await end('a', 1);
    expect(await balance()).toEqual([3_000_000_000_000_001 - 0, 0, 999_999_999_999_998, 0]);
  });

  test('two instances that get every message at once count it once', async () => {
    const { start, end, balance } = await scene(open(), 10_000);
    const requests = Array.from({ length: 20 }, (_, n) => `r${n}`);
    const twice = (act: (request: string) => Promise<unknown>): Promise<unknown> =>
      Promise.all([...requests, ...requests].map((request) => act(request)));
    await Promise.all([twice((request) => start(request, 10)), twice((request) => end(request, 7))]);
    await twice((request) => end(request, 7)); // what was parked in between
    expect(await balance()).toEqual([10_000 - 140, 0, 140, 0]);
  });
}
