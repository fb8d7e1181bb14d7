import { expect, test } from '@jest/globals';
import type { ClaimOutcome, Inbox, InboxState } from '../../../src/contract/inbox.js';
import { copyOf, heldBy } from './copy-of.js';

type State = 'absent' | InboxState | 'burying, free';
type Write = 'markDone' | 'markDead' | 'markBurying' | 'release';

const STATES: State[] = ['absent', 'open', 'claimed', 'burying', 'burying, free', 'done', 'dead'];
const WRITES: Write[] = ['markDone', 'markDead', 'markBurying', 'release'];

/** The writes of token `owner` that lead to a state. */
const WAY_TO: Readonly<Record<State, readonly Write[]>> = {
  absent: [],
  open: ['release'],
  claimed: [],
  burying: ['markBurying'],
  'burying, free': ['markBurying', 'release'],
  done: ['markDone'],
  dead: ['markBurying', 'markDead'],
};

/** What a claim gets after a write. */
const OUTCOME_AFTER: Readonly<Record<Write, ClaimOutcome>> = {
  markDone: 'settled',
  markDead: 'settled',
  markBurying: 'busy',
  release: 'claimed',
};

let consumers = 0;

/** What every store of an inbox must do; `inbox` answers with the store under test, which may hold other records. */
export function describeInboxContract(inbox: () => Inbox): void {
  /** A consumer of its own with message `one` in a state, at attempt 2. */
  const consumerIn = async (state: State): Promise<string> => {
    consumers += 1;
    const consumer = `contract-${process.pid}-${Date.now().toString(36)}-${consumers}`;
    if (state === 'absent') return consumer;
    expect(await inbox().claim(consumer, [copyOf('one', 2)], 'owner')).toEqual(['claimed']);
    for (const write of WAY_TO[state])
      expect(await inbox()[write](consumer, heldBy([copyOf('one', 2)], 'owner'))).toEqual([true]);
    return consumer;
  };

  test.each([
    ['absent', ['claimed', 'claimed', 'claimed'], null],
    ['open', ['settled', 'claimed', 'claimed'], 'open'],
    ['claimed', ['settled', 'busy', 'busy'], 'claimed'],
    ['burying', ['settled', 'busy', 'busy'], 'burying'],
    ['burying, free', ['settled', 'burying', 'burying'], 'burying'],
    ['done', ['settled', 'settled', 'settled'], 'done'],
    ['dead', ['settled', 'settled', 'settled'], 'dead'],
  ] as const)(
    'a record that is %s answers claims of attempts 1, 2, 3 with %j',
    async (state, outcomes, known) => {
      for (const [place, outcome] of outcomes.entries()) {
        const consumer = await consumerIn(state);
        const copy = copyOf('one', place + 1);
        expect(await inbox().areSettled(consumer, [copy])).toEqual([outcome === 'settled']);
        expect(await inbox().statesOf(consumer, [copy])).toEqual([known]);
        expect(await inbox().claim(consumer, [copy], 'other')).toEqual([outcome]);
      }
    },
  );

  test.each(STATES)(
    'every write on a record that is %s is refused to everyone but the owner',
    async (state) => {
      for (const write of WRITES) {
        const consumer = await consumerIn(state);
        const before = await inbox().statesOf(consumer, [copyOf('one')]);
        expect(await inbox()[write](consumer, heldBy([copyOf('one', 2)], 'other'))).toEqual([false]);
        expect(await inbox().statesOf(consumer, [copyOf('one')])).toEqual(before);
        if (state === 'claimed' || state === 'burying')
          expect(await inbox()[write](consumer, heldBy([copyOf('one', 2)], 'owner'))).toEqual([true]);
      }
    },
  );

  test('a release raises the attempt, so that earlier copies are settled and later ones are not', async () => {
    const consumer = await consumerIn('absent');
    await inbox().claim(consumer, [copyOf('one', 1), copyOf('two', 1)], 'a');
    await inbox().release(consumer, heldBy([copyOf('one', 2), copyOf('two', 1)], 'a'));
    const copies = [copyOf('one', 1), copyOf('one', 2), copyOf('two', 1)];
    expect(await inbox().areSettled(consumer, copies)).toEqual([true, false, false]);
  });

  test('one call answers each copy by itself', async () => {
    const consumer = await consumerIn('done');
    const copies = [copyOf('one', 2), copyOf('two'), copyOf('two'), copyOf('three')];
    expect(await inbox().claim(consumer, copies, 'b')).toEqual(['settled', 'claimed', 'busy', 'claimed']);
    const marked = [copyOf('one', 2), copyOf('two'), copyOf('four')];
    expect(await inbox().markDone(consumer, heldBy(marked, 'b'))).toEqual([false, true, false]);
    expect(await inbox().statesOf(consumer, [...marked, copyOf('three')])).toEqual([
      'done',
      'done',
      null,
      'claimed',
    ]);
  });

  test.each(WRITES)(
    'one call of %s takes claims of several tokens, each for its own record',
    async (write) => {
      const consumer = await consumerIn('absent');
      const [one, two, three] = [copyOf('one'), copyOf('two'), copyOf('three')] as const;
      await inbox().claim(consumer, [one, two], 'a');
      await inbox().claim(consumer, [three], 'b');
      // The claim of "two" was lost to another delivery of the same process, which is in the same call.
      await inbox().release(consumer, heldBy([two], 'a'));
      await inbox().claim(consumer, [two], 'b');
      const claims = [...heldBy([one, two], 'a'), ...heldBy([three, two], 'b')];
      expect(await inbox()[write](consumer, claims)).toEqual([true, false, true, true]);
      const again = await inbox().claim(consumer, [one, two, three], 'c');
      expect(again).toEqual(again.map(() => OUTCOME_AFTER[write]));
    },
  );

  test('a token does not reach the record of another claim in the same call', async () => {
    const consumer = await consumerIn('absent');
    await inbox().claim(consumer, [copyOf('one')], 'a');
    await inbox().claim(consumer, [copyOf('two')], 'b');
    const crossed = [...heldBy([copyOf('one')], 'b'), ...heldBy([copyOf('two')], 'a')];
    for (const write of WRITES) expect(await inbox()[write](consumer, crossed)).toEqual([false, false]);
    expect(await inbox().statesOf(consumer, [copyOf('one'), copyOf('two')])).toEqual(['claimed', 'claimed']);
  });

  test('consumers and generations know nothing of one another, whatever the ids hold', async () => {
    const consumer = await consumerIn('absent');
    const ids = ['one', 'one/1', '1/one', '__proto__', '$gt', '', 'ü\u{1f600}\n'];
    for (const copy of [...ids.map((id) => copyOf(id)), copyOf('one', 1, 1)]) {
      for (const name of [consumer, `${consumer}2`]) {
        expect(await inbox().claim(name, [copy], 'a')).toEqual(['claimed']);
        expect(await inbox().markDone(name, heldBy([copy], 'a'))).toEqual([true]);
      }
    }
  });

  test('of a hundred claimers of one message exactly one gets it', async () => {
    const consumer = await consumerIn('absent');
    for (const state of ['absent', 'open'] as const) {
      const claims = Array.from({ length: 100 }, (_, n) =>
        inbox().claim(consumer, [copyOf('one', 2)], `${state}-${n}`),
      );
      const outcomes = (await Promise.all(claims)).flat();
      expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'busy')).toHaveLength(99);
      const token = `${state}-${outcomes.indexOf('claimed')}`;
      expect(await inbox().release(consumer, heldBy([copyOf('one', 2)], token))).toEqual([true]);
    }
  });
}
