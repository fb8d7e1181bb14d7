import { expect, test } from '@jest/globals';
import type { LetterPosition } from '../../../src/contract/letter-ledger.js';
import { LETTER_LEASE_MS, memoryLedger } from '../../../src/inbox/memory-ledger.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';

const at = (offset: number, timestampMs = 1): LetterPosition => ({
  topic: 'orders_dlt',
  partition: 0,
  offset: String(offset),
  timestampMs,
});

test('of two operators one gets a letter, and what it did is told to the other', async () => {
  const ledger = memoryLedger(createFakeClock());
  expect(await Promise.all([ledger.begin(at(1), 'a'), ledger.begin(at(1), 'b')])).toEqual([
    'ours',
    'replaying',
  ]);
  expect(await ledger.finish(at(1), 'b', 'purged')).toBe(false);
  expect(await ledger.finish(at(1), 'a', 'replayed')).toBe(true);
  expect(await ledger.begin(at(1), 'b')).toBe('replayed');
  expect(await ledger.marksOf([at(0), at(1), at(2)])).toEqual([null, 'replayed', null]);
});

test('a letter whose owner is gone is taken over after its lease, and the owner cannot end it any more', async () => {
  const clock = createFakeClock();
  const ledger = memoryLedger(clock);
  await ledger.begin(at(1), 'gone');
  await clock.advance(LETTER_LEASE_MS);
  expect(await ledger.begin(at(1), 'b')).toBe('replaying');
  await clock.advance(1);
  expect(await ledger.begin(at(1), 'b')).toBe('ours');
  expect(await ledger.finish(at(1), 'gone', 'replayed')).toBe(false);
  await ledger.release(at(1), 'gone');
  expect(await ledger.marksOf([at(1)])).toEqual(['replaying']);
});

test('a letter that was given back is free; one that is done with stays so', async () => {
  const ledger = memoryLedger(createFakeClock());
  await ledger.begin(at(1), 'a');
  await ledger.release(at(1), 'a');
  expect(await ledger.begin(at(1), 'b')).toBe('ours');
  await ledger.finish(at(1), 'b', 'purged');
  await ledger.release(at(1), 'b');
  expect(await ledger.begin(at(1), 'c')).toBe('purged');
});

test('a record of a topic that was made anew is another letter', async () => {
  const ledger = memoryLedger(createFakeClock());
  await ledger.begin(at(1), 'a');
  await ledger.finish(at(1), 'a', 'replayed');
  expect(await ledger.begin(at(1, 2), 'b')).toBe('ours');
});
