import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { BulkAsks, type Claimant } from '../../../src/delivery/bulk-asks.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';
import { copyOf } from '../../support/inbox/copy-of.js';
import { type Deferred, deferred } from './harness.js';

type Call = Deferred<string[]> & { readonly claimants: readonly Claimant[] };

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
    call: (claimants) => {
      const call = { ...deferred<string[]>(), claimants };
      calls.push(call);
      return call.promise;
    },
  });
  const ask = (id: string, { token = '', stop = new AbortController() } = {}) => {
    const claimant = { copy: copyOf(id), token };
    const asker = {
      signal: stop.signal,
      get isOver() {
        return stop.signal.aborted;
      },
    };
    return { claimant, stop, answer: asks.ask(claimant, asker) };
  };
  const shown = () =>
    calls.map((call) => call.claimants.map(({ copy, token }) => `${copy.id}:${token}`).join(' '));
  return { clock, calls, answered, ask, shown };
}

test('what is asked in one turn of the event loop goes in one call under one fresh token', async () => {
  const { ask, calls, shown } = createScene();
  const first = ask('a');
  await Promise.resolve(); // a handler that ended some promises later
  const second = ask('b');
  await nextTurn();
  expect(shown()).toEqual(['a:t1 b:t1']);
  expect([first.claimant.token, second.claimant.token]).toEqual(['t1', 't1']);
  calls[0]?.resolve(['one', 'two']);
  expect(await Promise.all([first.answer, second.answer])).toEqual(['one', 'two']);
});

test('what is asked while a call is on its way gathers until that is back', async () => {
  const { ask, calls, shown } = createScene();
  for (const id of ['a', 'b', 'c']) {
    ask(id);
    await nextTurn();
  }
  expect(shown()).toEqual(['a:t1']);
  calls[0]?.resolve(['x']);
  await nextTurn();
  await nextTurn();
  expect(shown()).toEqual(['a:t1', 'b:t2 c:t2']);
});

test('half a bulk does not wait for a call that is on its way; four calls are, at most', async () => {
  const { ask, calls, shown } = createScene({ size: 4 });
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']) {
    ask(id);
    await nextTurn();
  }
  expect(shown()).toEqual(['a:t1', 'b:t2 c:t2', 'd:t3 e:t3', 'f:t4 g:t4']);
  calls[0]?.resolve(['x']);
  await nextTurn();
  await nextTurn();
  expect(shown().at(-1)).toBe('h:t5 i:t5 j:t5');
});

test('a call holds no more copies than are worth one', async () => {
  const { ask, shown } = createScene({ size: 2 });
  for (const id of ['a', 'b', 'c']) ask(id);
  await nextTurn();
  await nextTurn();
  expect(shown()).toEqual(['a:t1 b:t1', 'c:t2']);
});

test('two copies of one message never go under one token: both would own it', async () => {
  const { ask, shown } = createScene();
  for (const id of ['a', 'a', 'b']) ask(id);
  await nextTurn();
  await nextTurn();
  expect(shown()).toEqual(['a:t1 b:t1', 'a:t2']);
});

test('those who own tokens already go together, whatever their tokens, and second copies too', async () => {
  const { ask, shown } = createScene({ claims: false });
  for (const [id, token] of [
    ['a', 'x'],
    ['b', 'y'],
    ['a', 'z'],
  ] as const)
    ask(id, { token });
  await nextTurn();
  await nextTurn();
  expect(shown()).toEqual(['a:x b:y a:z']);
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
  expect(shown()).toEqual(['a:t1 b:t1', 'a:t1']);
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
  expect(shown()).toEqual(['a:t1', 'b:t2']);
});
