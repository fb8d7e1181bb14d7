import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { InboxCopy } from '../../../src/contract/inbox.js';
import { BulkAsks } from '../../../src/delivery/bulk-asks.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';
import { copyOf } from '../../support/inbox/copy-of.js';
import { type Deferred, deferred } from './harness.js';

type Call = Deferred<string[]> & { readonly ids: string[]; readonly token: string };

/** Asks of a store whose answers a test gives. */
function createScene({ size = 500, claims = true } = {}) {
  const clock = createFakeClock();
  const calls: Call[] = [];
  const answered: unknown[] = [];
  let tokens = 0;
  const asks = new BulkAsks<string>({
    size,
    clock,
    onAnswer: (error) => answered.push(error),
    ...(claims ? { newToken: () => `t${++tokens}` } : {}),
    call: (copies: readonly InboxCopy[], token) => {
      const call = { ...deferred<string[]>(), ids: copies.map(({ id }) => id), token };
      calls.push(call);
      return call.promise;
    },
  });
  const ask = (id: string, { token = '', stop = new AbortController() } = {}) => {
    const holder = { token };
    const asker = {
      signal: stop.signal,
      get isOver() {
        return stop.signal.aborted;
      },
    };
    return { holder, stop, answer: asks.ask(copyOf(id), holder, asker) };
  };
  const shown = () => calls.map(({ ids, token }) => `${token}: ${ids.join(' ')}`);
  return { clock, calls, answered, ask, shown };
}

test('what is asked in one turn of the event loop goes in one call under one fresh token', async () => {
  const { ask, calls, shown } = createScene();
  const first = ask('a');
  await Promise.resolve(); // a handler that ended some promises later
  const second = ask('b');
  await nextTurn();
  expect(shown()).toEqual(['t1: a b']);
  expect([first.holder.token, second.holder.token]).toEqual(['t1', 't1']);
  calls[0]?.resolve(['one', 'two']);
  expect(await Promise.all([first.answer, second.answer])).toEqual(['one', 'two']);
});

test('what is asked while a call is on its way gathers until that is back', async () => {
  const { ask, calls, shown } = createScene();
  for (const id of ['a', 'b', 'c']) {
    ask(id);
    await nextTurn();
  }
  expect(shown()).toEqual(['t1: a']);
  calls[0]?.resolve(['x']);
  await nextTurn();
  await nextTurn();
  expect(shown()).toEqual(['t1: a', 't2: b c']);
});

test('half a bulk does not wait for a call that is on its way; four calls are, at most', async () => {
  const { ask, calls, shown } = createScene({ size: 4 });
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']) {
    ask(id);
    await nextTurn();
  }
  expect(shown()).toEqual(['t1: a', 't2: b c', 't3: d e', 't4: f g']);
  calls[0]?.resolve(['x']);
  await nextTurn();
  await nextTurn();
  expect(shown().at(-1)).toBe('t5: h i j');
});

test('a call holds no more copies than are worth one', async () => {
  const { ask, shown } = createScene({ size: 2 });
  for (const id of ['a', 'b', 'c']) ask(id);
  await nextTurn();
  await nextTurn();
  expect(shown()).toEqual(['t1: a b', 't2: c']);
});

test('two copies of one message never go under one token: both would own it', async () => {
  const { ask, shown } = createScene();
  for (const id of ['a', 'a', 'b']) ask(id);
  await nextTurn();
  await nextTurn();
  expect(shown()).toEqual(['t1: a b', 't2: a']);
});

test('those who own a token already go with others of that token', async () => {
  const { ask, shown } = createScene({ claims: false });
  for (const [id, token] of [
    ['a', 'x'],
    ['b', 'y'],
    ['c', 'x'],
  ] as const)
    ask(id, { token });
  await nextTurn();
  await nextTurn();
  expect(shown()).toEqual(['x: a c', 'y: b']);
});

test('a call that fails is repeated as it was, with its token, for those who still wait', async () => {
  const { ask, calls, shown, answered, clock } = createScene();
  const kept = ask('a');
  const ended = ask('b');
  await nextTurn();
  ended.stop.abort();
  const failure = new Error('down');
  calls[0]?.reject(failure);
  expect(await ended.answer).toBeNull();
  await clock.advance(100);
  expect(shown()).toEqual(['t1: a b', 't1: a']);
  calls[1]?.resolve(['here']);
  expect(await kept.answer).toBe('here');
  expect(answered).toEqual([failure, null]);
});

test('when nobody waits any more the call is not repeated, and the next one goes out', async () => {
  const { ask, calls, shown, clock } = createScene();
  const first = ask('a');
  await nextTurn();
  calls[0]?.reject(new Error('down'));
  await clock.advance(0);
  first.stop.abort();
  expect(await first.answer).toBeNull();
  ask('b');
  await nextTurn();
  await nextTurn();
  expect(shown()).toEqual(['t1: a', 't2: b']);
});
