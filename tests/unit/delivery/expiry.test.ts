import { expect, test } from '@jest/globals';
import { memoryInbox } from '../../../src/inbox/memory-inbox.js';
import { createWorld } from './harness.js';

const EPOCH_MS = 1_700_000_000_000;
const at = (ms: number): string => new Date(EPOCH_MS + ms).toISOString();

test('a message past its time is dead-lettered as expired without a run, through the inbox', async () => {
  let runs = 0;
  const inbox = memoryInbox();
  const world = createWorld({
    inbox,
    consumer: {
      handle: () => {
        runs += 1;
      },
    },
  });
  const late = world.deliver({ id: 'late', headers: { 'bc-expires-at': at(0) } });
  const early = world.deliver({ id: 'early', headers: { 'bc-expires-at': at(1) } });
  await world.clock.advance(0);
  expect({ runs, late: late.settled, early: early.settled }).toEqual({ runs: 1, late: 1, early: 1 });
  expect(world.letters).toMatchObject([
    { id: 'late', headers: { 'bc-reason': 'expired', 'bc-expires-at': at(0), 'bc-attempt': '1' } },
  ]);
  expect(inbox.areSettled('billing', [{ id: 'late', generation: 0, attempt: 1 }])).toEqual([true]);
});

test('a message that expires between two attempts has no further one', async () => {
  const attempts: number[] = [];
  const world = createWorld({
    consumer: {
      retry: { inline: { attempts: 5, backoff: { initialMs: 100, factor: 1 } } },
      handle: (_, { attempt }) => {
        attempts.push(attempt);
        throw new Error('no');
      },
    },
  });
  const delivery = world.deliver({ headers: { 'bc-expires-at': at(150) } });
  await world.clock.advance(1_000);
  expect({ attempts, settled: delivery.settled }).toEqual({ attempts: [1, 2], settled: 1 });
  expect(world.letters[0]?.headers).toMatchObject({ 'bc-reason': 'expired' });
});

test('an expiry that a foreign producer wrote in its own way is ignored', () => {
  let runs = 0;
  const world = createWorld({
    consumer: {
      handle: () => {
        runs += 1;
      },
    },
  });
  const texts = ['soon', '0', '60000', '', '2001', '2001-01-01', '2001-13-01T00:00:00.000Z'];
  for (const text of texts) world.deliver({ headers: { 'bc-expires-at': text } });
  world.deliver({ headers: { 'bc-expires-at': 0 } });
  world.deliver({ headers: { 'bc-expires-at': null } });
  expect({ runs, letters: world.letters.length }).toEqual({ runs: 9, letters: 0 });
});
