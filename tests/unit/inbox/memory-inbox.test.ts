import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { memoryInbox } from '../../../src/inbox/memory-inbox.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';
import { copyOf, heldBy } from '../../support/inbox/copy-of.js';

type Write = 'markDone' | 'markDead' | 'markBurying' | 'release';
type State = 'absent' | 'open' | 'claimed' | 'burying' | 'burying, free' | 'done' | 'dead';

/** An inbox in which "one" is in the given state, with attempt 2; its claim, if any, is held by "owner". */
async function inboxIn(state: State) {
  const inbox = memoryInbox();
  const copies = [copyOf('one', 2)];
  if (state === 'absent') return inbox;
  await inbox.claim('c', copies, 'owner');
  const writes: Record<Exclude<State, 'absent'>, Write[]> = {
    open: ['release'],
    claimed: [],
    burying: ['markBurying'],
    'burying, free': ['markBurying', 'release'],
    done: ['markDone'],
    dead: ['markBurying', 'markDead'],
  };
  for (const write of writes[state]) await inbox[write]('c', heldBy(copies, 'owner'));
  return inbox;
}

const CLAIMS: [State, string, string, string][] = [
  // state, and what a claim for attempt 1, 2, 3 gets
  ['absent', 'claimed', 'claimed', 'claimed'],
  ['open', 'settled', 'claimed', 'claimed'],
  ['claimed', 'settled', 'busy', 'busy'],
  ['burying', 'settled', 'busy', 'busy'],
  ['burying, free', 'settled', 'burying', 'burying'],
  ['done', 'settled', 'settled', 'settled'],
  ['dead', 'settled', 'settled', 'settled'],
];

test.each(CLAIMS)(
  'a claim on a record that is %s gets %s, %s, %s for a lower, equal, higher attempt',
  async (state, ...outcomes) => {
    for (const [index, outcome] of outcomes.entries()) {
      const inbox = await inboxIn(state);
      expect(inbox.claim('c', [copyOf('one', index + 1)], 'other')).toEqual([outcome]);
    }
  },
);

test.each(CLAIMS)(
  'a record that is %s is settled for exactly the copies that a claim would call so',
  async (state, ...outcomes) => {
    const inbox = await inboxIn(state);
    for (const [index, outcome] of outcomes.entries()) {
      expect(inbox.areSettled('c', [copyOf('one', index + 1)])).toEqual([outcome === 'settled']);
    }
  },
);

const WRITES: Write[] = ['markDone', 'markDead', 'markBurying', 'release'];
const STATES: State[] = ['absent', 'open', 'claimed', 'burying', 'burying, free', 'done', 'dead'];

test.each(STATES)(
  'every write on a record that is %s is refused to everyone but the owner of a claim',
  async (state) => {
    for (const write of WRITES) {
      const inbox = await inboxIn(state);
      const before = inbox.areSettled('c', [copyOf('one', 2)]);
      expect(inbox[write]('c', heldBy([copyOf('one', 2)], 'other'))).toEqual([false]);
      expect(inbox.areSettled('c', [copyOf('one', 2)])).toEqual(before);
      const isOwned = state === 'claimed' || state === 'burying';
      expect(inbox[write]('c', heldBy([copyOf('one', 2)], 'owner'))).toEqual([isOwned]);
    }
  },
);

test('a release raises the attempt, so that earlier copies are settled and later ones are not', async () => {
  const inbox = memoryInbox();
  await inbox.claim('c', [copyOf('one', 1)], 'a');
  await inbox.release('c', heldBy([copyOf('one', 2)], 'a'));
  expect(inbox.areSettled('c', [copyOf('one', 1), copyOf('one', 2), copyOf('one', 3)])).toEqual([
    true,
    false,
    false,
  ]);
});

test('consumers and generations know nothing of one another, whatever the ids hold', async () => {
  const inbox = memoryInbox();
  const copies = [
    copyOf('one'),
    copyOf('one\n1'),
    copyOf('1\none'),
    copyOf('__proto__'),
    copyOf('one', 1, 1),
  ];
  for (const consumer of ['c', 'd', '__proto__']) {
    for (const copy of copies) {
      expect(inbox.claim(consumer, [copy], 'a')).toEqual(['claimed']);
      expect(inbox.markDone(consumer, heldBy([copy], 'a'))).toEqual([true]);
    }
  }
  expect(inbox.areSettled('c', copies)).toEqual([true, true, true, true, true]);
});

test('one claim in bulk answers each copy by itself', async () => {
  const inbox = await inboxIn('done');
  expect(inbox.claim('c', [copyOf('one'), copyOf('two'), copyOf('two')], 'b')).toEqual([
    'settled',
    'claimed',
    'busy',
  ]);
  expect(inbox.markDone('c', heldBy([copyOf('one'), copyOf('two'), copyOf('three')], 'b'))).toEqual([
    false,
    true,
    false,
  ]);
});

test('what is settled is forgotten after its time, counted from settling, and what is not settled never', async () => {
  const clock = createFakeClock();
  const inbox = memoryInbox({ clock, ttlMs: 1_000 });
  await inbox.claim('c', [copyOf('open'), copyOf('done')], 'a');
  await clock.advance(5_000);
  await inbox.markDone('c', heldBy([copyOf('done')], 'a'));
  await clock.advance(1_000);
  expect(inbox.claim('c', [copyOf('done'), copyOf('open')], 'b')).toEqual(['settled', 'busy']);
  await clock.advance(1);
  expect(inbox.areSettled('c', [copyOf('done')])).toEqual([false]);
  expect(inbox.claim('c', [copyOf('done'), copyOf('open')], 'b')).toEqual(['claimed', 'busy']);
});

test('at most so many settled ids are kept, the latest ones', async () => {
  const inbox = memoryInbox({ maxEntries: 3 });
  for (let index = 0; index < 10; index += 1) {
    await inbox.claim(`c${index % 2}`, [copyOf(`id-${index}`, 1, index % 3)], 'a');
    await inbox.markDone(`c${index % 2}`, heldBy([copyOf(`id-${index}`, 1, index % 3)], 'a'));
  }
  const settled = Array.from({ length: 10 }, (_, index) =>
    inbox.areSettled(`c${index % 2}`, [copyOf(`id-${index}`, 1, index % 3)]),
  ).flat();
  expect(settled).toEqual([false, false, false, false, false, false, false, true, true, true]);
});

test('of any number of racing owners exactly one settles a message', () => {
  const action = fc.record({
    token: fc.constantFrom('a', 'b', 'c'),
    what: fc.constantFrom(
      'claim' as const,
      'markDone' as const,
      'release' as const,
      'markBurying' as const,
      'markDead' as const,
    ),
    attempt: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const inbox = memoryInbox();
      let settlements = 0;
      let owner: string | null = null;
      for (const { token, what, attempt } of actions) {
        const copies = [copyOf('one', attempt)];
        const asked =
          what === 'claim' ? inbox.claim('c', copies, token) : inbox[what]('c', heldBy(copies, token));
        const [answer] = asked as readonly (boolean | string)[];
        if (what === 'claim') {
          if (answer === 'claimed' || answer === 'burying') {
            expect(owner).toBeNull(); // never two owners
            owner = token;
          }
          continue;
        }
        expect(answer).toBe(owner === token);
        if (answer !== true || what === 'markBurying') continue;
        owner = null;
        if (what !== 'release') settlements += 1;
      }
      expect(settlements).toBeLessThanOrEqual(1);
    }),
    { numRuns: 1_000, seed: 20_260_105 },
  );
});

test.each<[State, string | null]>([
  ['absent', null],
  ['open', 'open'],
  ['claimed', 'claimed'],
  ['burying', 'burying'],
  ['burying, free', 'burying'],
  ['done', 'done'],
  ['dead', 'dead'],
])(
  'the state of a record that is %s is told, whatever the attempt that is asked for',
  async (state, told) => {
    const inbox = await inboxIn(state);
    expect(inbox.statesOf('c', [copyOf('one', 1), copyOf('one', 9), copyOf('one', 1, 1)])).toEqual([
      told,
      told,
      null,
    ]);
  },
);
