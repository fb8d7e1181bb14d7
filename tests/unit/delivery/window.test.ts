import { expect, test } from '@jest/globals';
import { memoryInbox } from '../../../src/inbox/memory-inbox.js';
import { createWorld, type DeliveryFacts } from './harness.js';

const DAY_MS = 86_400_000;

/** Messages of the harness were published at this time, and its clock begins then. */
const PUBLISHED = new Date(1_700_000_000_000).toISOString();

function createScene(policy: 'stop' | 'run' | 'dead-letter') {
  const runs: string[] = [];
  const window = { policy, maxMessageAgeMs: DAY_MS, maxCopyAgeMs: 10 * DAY_MS };
  const world = createWorld({
    inbox: memoryInbox(),
    window,
    consumer: { concurrency: 2, handle: ({ id }) => void runs.push(id) },
  });
  return { ...world, runs };
}

const RETRY: DeliveryFacts = { headers: { 'bc-attempt': '2', 'bc-published-at': PUBLISHED } };
const REPLAY: DeliveryFacts = { headers: { 'bc-replay-count': '1', 'bc-published-at': PUBLISHED } };

test.each([
  ['a first copy', {}, DAY_MS],
  ['a retry copy', RETRY, 10 * DAY_MS],
  ['a replay', REPLAY, 10 * DAY_MS],
] as const)(
  'C43 %s that is too old is kept, nothing is run, and the consumer says why',
  async (_, facts, maxMs) => {
    const { deliver, clock, runs, told, pipeline } = createScene('stop');
    await clock.advance(maxMs);
    expect(deliver({ id: 'young', ...facts }).settled).toBe(1);
    await clock.advance(1);
    const old = deliver({ id: 'old', ...facts });
    await clock.advance(60_000);
    expect({ runs, settled: old.settled }).toEqual({ runs: ['young'], settled: 0 });
    expect(told.map(({ name }) => name)).toEqual(['consumer-paused']);
    expect(pipeline.trouble).toContain('Message old is');
    expect(pipeline.trouble).toContain('outsideWindow');
  },
);

test('C43 old copies fill the places of running handlers, so that nothing is taken past them', async () => {
  const { deliver, clock, runs } = createScene('stop');
  await clock.advance(DAY_MS + 1);
  deliver({ id: 'a' });
  deliver({ id: 'b' });
  await clock.advance(0);
  const young = deliver({ id: 'young', headers: { ...RETRY.headers } });
  await clock.advance(60_000);
  expect({ runs, settled: young.settled }).toEqual({ runs: [], settled: 0 });
});

test('C43 an old copy whose channel is lost makes room, and an interrupted consumer begins anew', async () => {
  const { deliver, clock, runs, pipeline } = createScene('stop');
  await clock.advance(DAY_MS + 1);
  const sources = [{ isLost: false }, { isLost: false }];
  for (const source of sources) deliver({ source });
  for (const source of sources) source.isLost = true;
  await clock.advance(1_000);
  deliver({ id: 'young', ...RETRY });
  expect(runs).toEqual(['young']);
  deliver({ id: 'old' });
  await Promise.all([pipeline.interrupt(), clock.advance(1_000)]);
  expect(pipeline.trouble).toBeNull();
});

test('C43 with dead-letter it is given up as expired, through the inbox', async () => {
  const { deliver, clock, runs, letters } = createScene('dead-letter');
  await clock.advance(DAY_MS + 1);
  const copies = [deliver({ id: 'old' }), deliver({ id: 'old' })];
  await clock.advance(1_000);
  expect(copies.map(({ settled }) => settled)).toEqual([1, 1]);
  expect(runs).toEqual([]);
  expect(letters.map(({ headers }) => [headers['bc-reason'], headers['error-type']])).toEqual([
    ['expired', 'BuscouplerError'],
  ]);
});

test('C43 with run it is run, and a message of which nobody knows the age is run always', async () => {
  const { deliver, clock, runs } = createScene('run');
  await clock.advance(DAY_MS + 1);
  deliver({ id: 'old' });
  const stopping = createScene('stop');
  await stopping.clock.advance(20 * DAY_MS);
  stopping.deliver({ id: 'no time', headers: { 'bc-attempt': '2' } });
  expect([runs, stopping.runs]).toEqual([['old'], ['no time']]);
});
