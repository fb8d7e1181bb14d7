import { expect, test } from '@jest/globals';
import type { LetterSummary } from '../../../src/contract/dead-letter-desk.js';
import { billing } from '../bus/harness.js';
import { deskWorld } from './desk-harness.js';

const idsOf = (letters: readonly LetterSummary[]): (string | null)[] => letters.map(({ id }) => id);

test.each(['kafka', 'rabbitmq'] as const)('lists letters of a consumer that %s feeds', async (feed) => {
  const { open, publish, run } = await deskWorld({ feed });
  await publish(2);
  const { letters, cursor } = await run((await open()).list());
  expect(cursor).toBeNull();
  expect(letters).toHaveLength(2);
  expect(letters[0]).toMatchObject({
    id: 'm0',
    consumer: 'billing',
    broker: feed,
    place: feed === 'kafka' ? 'orders_dlt' : 'billing-group_dlq',
    reason: 'rejected',
    errorType: 'TypeError',
    errorMessage: 'cannot book 0',
    frame: expect.stringContaining('desk-harness'),
    attempts: 1,
    replayCount: 0,
    isNative: false,
    bytes: 7,
  });
});

test('looks at both brokers, whichever feeds the consumer now', async () => {
  const { bus, open, publish, run } = await deskWorld({ feed: 'rabbitmq' });
  await publish(2);
  await run(bus.consumer('billing').move('kafka'));
  await publish(2, 2);
  const desk = await open();
  const { letters } = await run(desk.list());
  expect(letters.map(({ id, broker }) => `${id} ${broker}`).sort()).toEqual([
    'm0 rabbitmq',
    'm1 rabbitmq',
    'm2 kafka',
    'm3 kafka',
  ]);
  const { groups } = await run(desk.groups());
  expect(groups).toHaveLength(1);
  expect(groups[0]).toMatchObject({ consumer: 'billing', letters: 4, brokers: { kafka: 2, rabbitmq: 2 } });
});

test('pages meet every letter once, in the order of the broker, on both', async () => {
  for (const feed of ['kafka', 'rabbitmq'] as const) {
    const { open, publish, run } = await deskWorld({ feed });
    await publish(25);
    const desk = await open();
    const seen: (string | null)[] = [];
    let cursor: string | undefined;
    do {
      const page = await run(desk.list({ limit: 7, ...(cursor === undefined ? {} : { cursor }) }));
      expect(page.letters.length).toBeLessThanOrEqual(7);
      seen.push(...idsOf(page.letters));
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => `m${n}`));
  }
});

test('a page goes on although the letter that the last one ended with was taken away', async () => {
  const { open, publish, run, state } = await deskWorld();
  await publish(6);
  const desk = await open();
  const first = await run(desk.list({ limit: 3 }));
  state.isBroken = false;
  await run(desk.replay({ id: 'm2', execute: true }));
  const second = await run(desk.list({ limit: 3, cursor: first.cursor as string }));
  expect(idsOf(second.letters)).toEqual(['m3', 'm4', 'm5']);
});

test('filters by every facet', async () => {
  const { clock, open, publish, run } = await deskWorld();
  await publish(2);
  await clock.advance(60_000);
  await publish(1, 2);
  const desk = await open();
  const all = await run(desk.list());
  const ids = async (filter: object) => idsOf((await run(desk.list(filter))).letters);
  expect(await ids({ consumer: 'billing' })).toHaveLength(3);
  expect(await ids({ reason: 'invalid' })).toEqual([]);
  expect(await ids({ errorType: 'TypeError', broker: 'rabbitmq' })).toHaveLength(3);
  expect(await ids({ broker: 'kafka' })).toEqual([]);
  expect(await ids({ id: 'm1' })).toEqual(['m1']);
  expect(await ids({ id: all.letters[0]?.ref })).toEqual(['m0']);
  expect(await ids({ group: all.letters[0]?.group })).toHaveLength(3);
  expect(await ids({ olderThan: '30s' })).toEqual(['m0', 'm1']);
  expect(await ids({ newerThan: '30s' })).toEqual(['m2']);
  expect(await ids({ newerThan: new Date(clock.epochMs() - 30_000) })).toEqual(['m2']);
});

test.each([
  [{ reasn: 'invalid' }, 'BC_DEFINITION_INVALID', 'reasn'],
  [{ consumer: 'biling' }, 'BC_CONSUMER_UNKNOWN', 'billing'],
  [{ olderThan: 'yesterday' }, 'BC_DEFINITION_INVALID', 'olderThan'],
  [{ limit: 0 }, 'BC_DEFINITION_INVALID', 'limit'],
  [{ cursor: 'bm8' }, 'BC_DEFINITION_INVALID', 'cursor'],
])('refuses %j, which would ask for something else', async (options, code, named) => {
  const { open, run } = await deskWorld();
  const refused = run((await open()).list(options as object));
  await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(named) });
});

test('shows a letter whole', async () => {
  const { open, publish, run } = await deskWorld();
  await publish(1);
  const desk = await open();
  const [letter] = await run(desk.show('m0'));
  expect(letter).toMatchObject({
    id: 'm0',
    key: 'k0',
    body: { utf8: '{"n":0}' },
    contentType: 'application/json',
  });
  expect(letter?.headers).toMatchObject({
    'bc-id': 'm0',
    'error-type': 'TypeError',
    'original-topic': 'orders',
  });
});

test('tells consumers apart that share the dead-letter topic of one topic', async () => {
  const audit = billing({
    name: 'audit',
    group: 'audit-group',
    retry: { inline: { attempts: 1 } },
    handle: () => {
      throw new Error('no');
    },
  });
  const env = { CONSUMER_AUDIT_BROKER: 'kafka' };
  const { open, publish, run, deadLetters, log } = await deskWorld({ feed: 'kafka', others: [audit], env });
  await publish(1);
  log.write('orders_dlt', { body: Buffer.from('1'), headers: { 'bc-id': 'nobody' } });
  expect(deadLetters().kafka).toHaveLength(3);
  const desk = await open();
  const { letters } = await run(desk.list());
  expect(letters.map(({ consumer }) => String(consumer)).sort()).toEqual(['audit', 'billing', 'null']);
  expect((await run(desk.list({ consumer: 'audit' }))).letters).toHaveLength(1);
  expect((await run(desk.groups())).groups).toHaveLength(3);
  const report = await run(desk.replay());
  expect(report).toMatchObject({ matches: 3, refused: [{ why: 'consumer-unknown', letters: 1 }] });
});
