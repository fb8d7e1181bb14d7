import { expect, test } from '@jest/globals';
import type { BrokerPort, StoredLetter } from '../../../src/contract/broker.js';
import type { ExportedLetter } from '../../../src/contract/dead-letter-desk.js';
import type { BrokerName } from '../../../src/contract/message.js';
import { type DeskWorld, deskWorld } from './desk-harness.js';

const PROBLEM = 'the header table is nested too deeply';

/** The port with letters of its own. */
const withLetters = (port: BrokerPort, letters: NonNullable<BrokerPort['letters']>): BrokerPort =>
  new Proxy(port, {
    get(target, property) {
      if (property === 'letters') return letters;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

/** Shows every letter of RabbitMQ as one whose headers no client can decode. */
const undecodable = (name: BrokerName, port: BrokerPort): BrokerPort => {
  if (name !== 'rabbitmq') return port;
  const letters = async function* (...args: Parameters<NonNullable<BrokerPort['letters']>>) {
    for await (const one of (port as Required<BrokerPort>).letters(...args)) {
      const message = { ...one.message, id: null, key: null, headers: Object.create(null) };
      yield { message, problem: PROBLEM, remove: one.remove } satisfies StoredLetter;
    }
  };
  return withLetters(port, letters);
};

async function exported(world: DeskWorld): Promise<ExportedLetter[]> {
  const letters: ExportedLetter[] = [];
  const desk = await world.open('exporter');
  await world.run(
    (async () => {
      for await (const letter of desk.export()) letters.push(letter);
    })(),
  );
  return letters;
}

const linesOf = (...letters: object[]): string[] => letters.map((letter) => JSON.stringify(letter));

test('poison is shown, refused, and replayed with its body alone where that is asked for', async () => {
  const world = await deskWorld();
  await world.publish(2);
  world.state.isBroken = false;
  const desk = await world.open('desk', undecodable);
  const { letters } = await world.run(desk.list());
  expect(letters).toMatchObject([
    { id: null, consumer: 'billing', problem: PROBLEM, bytes: 7 },
    { id: null, consumer: 'billing', problem: PROBLEM },
  ]);
  const refused = await world.run(desk.replay({ execute: true }));
  expect(refused).toMatchObject({ replayed: 0, refused: [{ why: 'undecodable', letters: 2 }] });
  expect(refused.refused[0]?.text).toContain(PROBLEM);
  const ref = letters[0]?.ref as string;
  expect(await world.run(desk.replay({ execute: true, id: ref, withoutHeaders: true }))).toMatchObject({
    replayed: 1,
  });
  expect(world.state.handled).toMatchObject([{ n: 0, headers: { 'bc-id': ref, 'bc-consumer': 'billing' } }]);
  expect(world.deadLetters().rabbitmq).toHaveLength(1);
  const report = await world.run(desk.purge({ consumer: 'billing', execute: true, confirm: 'billing' }));
  expect(report).toMatchObject({ end: 'done', matches: 1, purged: 1 });
  expect(world.deadLetters().rabbitmq).toEqual([]);
});

test('mended letters replace body, key and headers; headers of ours are written anew', async () => {
  const world = await deskWorld();
  await world.publish(2);
  const [first] = await exported(world);
  world.state.isBroken = false;
  const headers = {
    ...first?.headers,
    'x-fixed': 'yes',
    'x-bytes': { $bytes: '/w==' },
    'bc-id': 'forged',
    'bc-replay-count': '77',
  };
  const from = linesOf({
    ...first,
    key: 'other',
    headers,
    body: { base64: Buffer.from('{"n":42}').toString('base64') },
  });
  const report = await world.run((await world.open()).replay({ from, execute: true }));
  expect(report).toMatchObject({ end: 'done', matches: 1, replayed: 1, refused: [] });
  const [handled] = world.state.handled;
  expect(handled).toMatchObject({
    n: 42,
    headers: { 'bc-id': 'm0', 'bc-key': 'other', 'bc-replay-count': '1', 'x-fixed': 'yes' },
  });
  expect(handled?.headers).toHaveProperty('x-bytes', Buffer.from([0xff]));
  expect(world.deadLetters().rabbitmq.map(({ id }) => id)).toEqual(['m1']);
});

test('a mended letter must be the one that it was, and still be there', async () => {
  const world = await deskWorld();
  await world.publish(3);
  world.state.isBroken = false;
  const [first, second, third] = await exported(world);
  const desk = await world.open();
  await world.run(desk.replay({ id: 'm2', execute: true }));
  const from = linesOf(
    { ...first, id: 'm9' },
    { ...second, replayCount: 0, consumer: 'audit' },
    third as object,
  );
  const report = await world.run(desk.replay({ from, execute: true }));
  expect(report).toMatchObject({
    replayed: 0,
    refused: [
      { why: 'altered-identity', letters: 2 },
      { why: 'not-there', letters: 1, example: third?.ref },
    ],
  });
  expect(world.deadLetters().rabbitmq).toHaveLength(2);
});

test.each([
  ['{', 'no JSON'],
  ['7', 'no object'],
  ['{"replayCount":0}', 'ref'],
  ['{"ref":"a"}', 'replayCount'],
  ['{"ref":"a","replayCount":0,"id":1}', 'id'],
  ['{"ref":"a","replayCount":0,"id":null,"consumer":null,"key":null,"contentType":null}', 'headers'],
  [
    '{"ref":"a","replayCount":0,"id":null,"consumer":null,"key":null,"contentType":null,"headers":{},"body":"x"}',
    'body',
  ],
  [
    '{"ref":"a","replayCount":0,"id":null,"consumer":null,"key":null,"contentType":null,"headers":{},"body":{"base64":"?"}}',
    'body',
  ],
])('a file with the line %s is refused before anything is sent', async (line, named) => {
  const world = await deskWorld();
  await world.publish(1);
  world.state.isBroken = false;
  const [letter] = await exported(world);
  const replaying = world.run(
    (await world.open()).replay({ from: [...linesOf(letter as object), line], execute: true }),
  );
  await expect(replaying).rejects.toMatchObject({
    code: 'BC_MESSAGE_INVALID',
    message: expect.stringContaining('Line 2'),
  });
  await expect(replaying).rejects.toThrow(named);
  expect(world.state.handled).toEqual([]);
});

test('purging a log needs a store that remembers it, and hides the letters then', async () => {
  const world = await deskWorld({ feed: 'kafka' });
  await world.publish(3);
  const purge = { consumer: 'billing', execute: true, confirm: 'billing' };
  const forgetful = await world.open('forgetful', undefined, null);
  expect(await world.run(forgetful.purge(purge))).toMatchObject({
    purged: 0,
    refused: [{ why: 'not-removable', letters: 3 }],
  });
  const desk = await world.open();
  expect(await world.run(desk.purge({ ...purge, execute: false }))).toMatchObject({
    end: 'preview',
    matches: 3,
    purged: 0,
  });
  expect(await world.run(desk.purge({ ...purge, id: 'm1' }))).toMatchObject({ end: 'done', purged: 1 });
  expect((await world.run(desk.list())).letters.map(({ id }) => id)).toEqual(['m0', 'm2']);
  expect(world.deadLetters().kafka).toHaveLength(3);
});

test('purging needs the name of the consumer twice', async () => {
  const world = await deskWorld();
  await world.publish(1);
  const desk = await world.open();
  const purge = { consumer: 'billing', execute: true };
  await expect(world.run(desk.purge(purge))).rejects.toMatchObject({ code: 'BC_DEFINITION_INVALID' });
  await expect(world.run(desk.purge({ execute: true } as never))).rejects.toThrow(
    'needs the name of a consumer',
  );
  expect(world.deadLetters().rabbitmq).toHaveLength(1);
});

const LETTERS = 100_000;

/** A broker with more letters than fit into memory at once, made when they are read. */
function deepPort(port: BrokerPort): BrokerPort {
  const letters = async function* (): AsyncGenerator<StoredLetter> {
    for (let n = 0; n < LETTERS; n += 1) {
      const headers = {
        'failed-consumer': 'billing',
        'error-type': `E${n % 7}`,
        'error-message': `${n}`.padEnd(4_096, 'x'),
      };
      const position = { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' } as const;
      const message = {
        id: `m${n}`,
        key: null,
        body: Buffer.from(`${n}`),
        headers,
        contentType: null,
        timestampMs: n,
      };
      yield { message: { ...message, position, isRedelivered: false }, remove: async () => true };
    }
  };
  return withLetters(port, letters);
}

test('100,000 letters are grouped and paged without being kept', async () => {
  const world = await deskWorld();
  const desk = await world.open('deep', (name, port) => (name === 'rabbitmq' ? deepPort(port) : port));
  const beforeBytes = process.memoryUsage().heapUsed;
  const { letters, groups } = await desk.groups({ broker: 'rabbitmq' });
  expect(letters).toBe(LETTERS);
  expect(groups).toHaveLength(7);
  // Kept, their headers alone would be 400 MB.
  expect(process.memoryUsage().heapUsed - beforeBytes).toBeLessThan(150_000_000);
  const first = await desk.list({ broker: 'rabbitmq', limit: 1_000 });
  const second = await desk.list({ broker: 'rabbitmq', limit: 1_000, cursor: first.cursor as string });
  expect(second.letters[0]?.id).toBe('m1000');
});
