import { expect, test } from '@jest/globals';
import type { LetterLedger, LetterPosition } from '../../../src/contract/letter-ledger.js';

/** A ledger under test, empty for topics that no test had before. */
export interface LedgerUnderTest {
  readonly ledger: () => LetterLedger;
  /** Another operator's view of the same store. */
  readonly other: () => LetterLedger;
  /** Lets a whole lease pass. */
  readonly passLease: () => Promise<void>;
}

let topics = 0;

/** Positions in a topic of this test's own. */
function newTopic() {
  topics += 1;
  const topic = `orders_dlt_${topics}`;
  return (offset: number, timestampMs = 1): LetterPosition => ({
    topic,
    partition: 0,
    offset: String(offset),
    timestampMs,
  });
}

/** What every ledger must do. */
export function describeLedgerContract({ ledger, other, passLease }: LedgerUnderTest): void {
  test('of two operators one gets a letter, and what it did is told to the other', async () => {
    const at = newTopic();
    const claims = await Promise.all([ledger().begin(at(1), 'a'), other().begin(at(1), 'b')]);
    expect([...claims].sort()).toEqual(['ours', 'replaying']);
    const [mine, theirs] = claims[0] === 'ours' ? ['a', 'b'] : ['b', 'a'];
    expect(await ledger().finish(at(1), theirs, 'purged')).toBe(false);
    expect(await other().finish(at(1), mine, 'replayed')).toBe(true);
    expect(await other().begin(at(1), theirs)).toBe('replayed');
    expect(await other().marksOf([at(0), at(1), at(2)])).toEqual([null, 'replayed', null]);
    expect(await ledger().marksOf([])).toEqual([]);
  });

  test('of many claims at once one is granted', async () => {
    const at = newTopic();
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? ledger() : other()).begin(at(1), `t${index}`),
      ),
    );
    expect(claims.filter((claim) => claim === 'ours')).toHaveLength(1);
  });

  test('a letter whose owner is gone is taken over after its lease, and the owner cannot end it any more', async () => {
    const at = newTopic();
    await ledger().begin(at(1), 'gone');
    expect(await other().begin(at(1), 'b')).toBe('replaying');
    await passLease();
    expect(await other().begin(at(1), 'b')).toBe('ours');
    expect(await ledger().finish(at(1), 'gone', 'replayed')).toBe(false);
    await ledger().release(at(1), 'gone');
    expect(await ledger().marksOf([at(1)])).toEqual(['replaying']);
  });

  test('a letter that was given back is free; one that is done with stays so', async () => {
    const at = newTopic();
    await ledger().begin(at(1), 'a');
    await ledger().release(at(1), 'a');
    expect(await other().begin(at(1), 'b')).toBe('ours');
    await other().finish(at(1), 'b', 'purged');
    await other().release(at(1), 'b');
    await passLease();
    expect(await ledger().begin(at(1), 'c')).toBe('purged');
  });

  test('a claim that is asked for again under its token is still ours', async () => {
    const at = newTopic();
    expect(await ledger().begin(at(1), 'a')).toBe('ours');
    expect(await ledger().begin(at(1), 'a')).toBe('ours');
  });

  test('a record of a topic that was made anew is another letter', async () => {
    const at = newTopic();
    await ledger().begin(at(1), 'a');
    await ledger().finish(at(1), 'a', 'replayed');
    expect(await other().begin(at(1, 2), 'b')).toBe('ours');
  });
}
