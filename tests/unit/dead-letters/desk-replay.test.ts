import { expect, test } from '@jest/globals';
import type { BrokerPort } from '../../../src/contract/broker.js';
import type { BrokerName } from '../../../src/contract/message.js';
import { LETTER_LEASE_MS } from '../../../src/inbox/memory-ledger.js';
import { memoryInbox } from '../../../src/index.js';
import { heldBy } from '../../support/inbox/copy-of.js';
import { billing } from '../bus/harness.js';
import { type DeskWorld, deskWorld } from './desk-harness.js';

const handledOf = ({ state }: DeskWorld): number[] => state.handled.map(({ n }) => n).sort((a, b) => a - b);
const toKafka = ({ log }: DeskWorld) => log.read('billing-group_retry_0s');

test('a preview says what would go where, and changes nothing', async () => {
  const world = await deskWorld();
  await world.publish(3);
  world.state.isBroken = false;
  const report = await world.run((await world.open()).replay({ consumer: 'billing' }));
  expect(report).toMatchObject({
    end: 'preview',
    matches: 3,
    targets: [{ consumer: 'billing', broker: 'rabbitmq', place: 'billing-group', letters: 3 }],
    refused: [],
    ratePerSecond: 10,
    replayed: 0,
  });
  expect(world.deadLetters().rabbitmq).toHaveLength(3);
  expect(handledOf(world)).toEqual([]);
});

test('a replay reaches the failed consumer alone, with fresh attempts, a count and no trace of the death', async () => {
  const seen: unknown[] = [];
  const audit = billing({ name: 'audit', group: 'audit-group', handle: ({ data }) => void seen.push(data) });
  const world = await deskWorld({
    others: [audit],
    consumer: { retry: { inline: { attempts: 2, backoff: { initialMs: 1 } } } },
  });
  await world.publish(1);
  expect(seen).toHaveLength(1);
  world.state.isBroken = false;
  const report = await world.run((await world.open()).replay({ execute: true, by: 'ann' }));
  expect(report).toMatchObject({ end: 'done', replayed: 1, handled: 1, diedAgain: 0 });
  expect(seen).toHaveLength(1);
  const [handled] = world.state.handled;
  expect(handled).toMatchObject({ n: 0, attempt: 1 });
  expect(handled?.headers).toMatchObject({
    'bc-id': 'm0',
    'bc-key': 'k0',
    'bc-replay-count': '1',
    'bc-replayed-by': 'ann',
  });
  const names = Object.keys(handled?.headers ?? {});
  expect(
    names.filter((name) => /^(original|failed|error)-|^bc-(reason|attempt|first|due)/.test(name)),
  ).toEqual([]);
  expect(world.deadLetters().rabbitmq).toEqual([]);
});

test('a letter on one broker goes to the broker that feeds its consumer now', async () => {
  const world = await deskWorld({ feed: 'kafka' });
  await world.publish(2);
  expect(world.deadLetters().kafka).toHaveLength(2);
  await world.run(world.bus.consumer('billing').move('rabbitmq'));
  world.state.isBroken = false;
  const env = { CONSUMER_BILLING_BROKER: 'rabbitmq' };
  const desk = await world.open('after the move', undefined, undefined, env);
  const report = await world.run(desk.replay({ execute: true }));
  expect(report.targets).toEqual([
    { consumer: 'billing', broker: 'rabbitmq', place: 'billing-group', letters: 2 },
  ]);
  expect(handledOf(world)).toEqual([0, 1]);
  expect((await world.run(desk.list())).letters).toEqual([]);
});

test('a consumer that Kafka feeds gets its copies through its own topic', async () => {
  const world = await deskWorld({ feed: 'kafka' });
  await world.publish(1);
  await world.run((await world.open()).replay({ execute: true, canary: false }));
  const [copy] = toKafka(world);
  expect(copy).toMatchObject({ id: 'm0', key: 'k0', body: Buffer.from('{"n":0}') });
  expect(copy?.headers).toMatchObject({ 'bc-replay-count': '1', 'bc-consumer': 'billing' });
  expect(copy?.headers).not.toHaveProperty('error-type');
});

test('the first letter is waited for, and the others stay when it dies again', async () => {
  const world = await deskWorld();
  await world.publish(5);
  const report = await world.run((await world.open()).replay({ execute: true }));
  expect(report).toMatchObject({ end: 'stopped', replayed: 1, diedAgain: 1 });
  expect(report.reason).toContain('first letter');
  expect(world.deadLetters().rabbitmq).toHaveLength(5);
});

test('stops by itself when more than half of the copies die again', async () => {
  const world = await deskWorld();
  await world.publish(40);
  const desk = await world.open();
  const report = await world.run(desk.replay({ execute: true, canary: false, ratePerSecond: 2 }));
  expect(report).toMatchObject({ end: 'stopped', reason: expect.stringContaining('Errors spike') });
  expect(report.replayed).toBeLessThan(10);
  expect(world.deadLetters().rabbitmq).toHaveLength(40);
});

test('keeps to its rate', async () => {
  const world = await deskWorld();
  await world.publish(11);
  world.state.isBroken = false;
  const desk = await world.open();
  const beganMs = world.clock.monotonicMs();
  await world.run(desk.replay({ execute: true, canary: false, ratePerSecond: 2 }));
  expect(handledOf(world)).toHaveLength(11);
  expect(world.clock.monotonicMs() - beganMs).toBeGreaterThanOrEqual(5_000);
  expect(world.clock.monotonicMs() - beganMs).toBeLessThan(6_000);
});

test('refuses what was replayed too often or died too long ago', async () => {
  const world = await deskWorld({ env: { DEAD_LETTERS_MAX_REPLAYS: '2' } });
  await world.publish(1);
  const desk = await world.open();
  for (let times = 0; times < 2; times += 1) {
    expect(await world.run(desk.replay({ execute: true }))).toMatchObject({ replayed: 1, diedAgain: 1 });
  }
  const often = await world.run(desk.replay({ execute: true }));
  expect(often).toMatchObject({ replayed: 0, refused: [{ why: 'replayed-too-often', letters: 1 }] });
  expect(world.deadLetters().rabbitmq).toHaveLength(1);

  const old = await deskWorld();
  await old.publish(1);
  await old.clock.advance(15 * 86_400_000);
  const report = await old.run((await old.open()).replay({ execute: true }));
  expect(report).toMatchObject({ replayed: 0, refused: [{ why: 'too-old', letters: 1 }] });
});

test('refuses letters of consumers that it does not know', async () => {
  const world = await deskWorld();
  const headers = { 'bc-id': 'x', 'failed-consumer': 'gone' };
  world.queues.write('', 'billing-group_dlq', { body: Buffer.from('1'), headers });
  const report = await world.run((await world.open()).replay({ execute: true }));
  expect(report).toMatchObject({
    matches: 1,
    replayed: 0,
    refused: [{ why: 'consumer-unknown', letters: 1 }],
  });
});

test('ends in order when it is interrupted', async () => {
  const world = await deskWorld();
  await world.publish(10);
  world.state.isBroken = false;
  const desk = await world.open();
  const interrupt = new AbortController();
  const replaying = desk.replay({ execute: true, canary: false, ratePerSecond: 1, signal: interrupt.signal });
  await world.clock.advance(3_500);
  interrupt.abort();
  const report = await world.run(replaying);
  expect(report.end).toBe('interrupted');
  expect(handledOf(world)).toHaveLength(report.replayed);
  expect(world.deadLetters().rabbitmq).toHaveLength(10 - report.replayed);
  await world.run(desk.replay({ execute: true }));
  expect(handledOf(world)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

/** The connection of an operator breaks as soon as his first copy is stored. */
const dyingAfterPublish =
  (world: DeskWorld, operator: string) =>
  (name: BrokerName, port: BrokerPort): BrokerPort =>
    new Proxy(port, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (property !== 'publisher') return typeof value === 'function' ? value.bind(target) : value;
        return (...args: Parameters<BrokerPort['publisher']>) => {
          const publisher = target.publisher(...args);
          return {
            maxMessageBytes: publisher.maxMessageBytes,
            publish: (ticket: Parameters<typeof publisher.publish>[0]) => {
              const settle = ticket.settle.bind(ticket);
              ticket.settle = (outcome) => {
                const stores = { kafka: world.log, rabbitmq: world.queues };
                stores[name].faults.dropConnections(operator);
                settle(outcome);
              };
              publisher.publish(ticket);
            },
          };
        };
      },
    });

test('a run that ends after a copy was stored, before its letter was taken out, neither loses nor doubles', async () => {
  const world = await deskWorld();
  await world.publish(3);
  world.state.isBroken = false;
  const dying = await world.open('dying', dyingAfterPublish(await world, 'dying'));
  const report = await world.run(dying.replay({ execute: true, canary: false }));
  expect(report).toMatchObject({ end: 'stopped', replayed: 1 });
  expect(handledOf(world)).toEqual([0]);
  expect(world.deadLetters().rabbitmq).toHaveLength(3);
  const again = await world.run((await world.open('again')).replay({ execute: true }));
  expect(again).toMatchObject({ end: 'done', replayed: 3 });
  expect(handledOf(world)).toEqual([0, 1, 2]);
  expect(world.deadLetters().rabbitmq).toEqual([]);
});

test('two operators at once on a queue: every letter is handled once', async () => {
  const world = await deskWorld();
  await world.publish(20);
  world.state.isBroken = false;
  const desks = [await world.open('a'), await world.open('b')] as const;
  const reports = await world.run(
    Promise.all(desks.map((desk) => desk.replay({ execute: true, ratePerSecond: 50 }))),
  );
  expect(reports.map(({ replayed }) => replayed).reduce((sum, one) => sum + one)).toBe(20);
  expect(handledOf(world)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(world.deadLetters().rabbitmq).toEqual([]);
});

test('two operators at once on a log: every letter is published once', async () => {
  const world = await deskWorld({ feed: 'kafka' });
  await world.publish(20);
  world.state.isBroken = false;
  const desks = [await world.open('a'), await world.open('b')] as const;
  const replay = { execute: true, canary: false, ratePerSecond: 50 };
  const reports = await world.run(Promise.all(desks.map((desk) => desk.replay(replay))));
  expect(reports.map(({ replayed }) => replayed).reduce((sum, one) => sum + one)).toBe(20);
  expect(
    toKafka(world)
      .map(({ id }) => id)
      .sort(),
  ).toEqual(Array.from({ length: 20 }, (_, n) => `m${n}`).sort());
  expect((await world.run(desks[0].list())).letters).toEqual([]);
});

test.each(['before', 'after'] as const)(
  'a letter of a log whose operator died %s he published is taken over, and handled once',
  async (when) => {
    const world = await deskWorld({ feed: 'kafka' });
    await world.publish(1);
    await world.run(world.bus.consumer('billing').move('rabbitmq'));
    world.state.isBroken = false;
    const env = { CONSUMER_BILLING_BROKER: 'rabbitmq' };
    const ledger = world.inbox?.letters;
    if (ledger === undefined || world.inbox === null) throw new Error('no ledger');
    // The dead operator: what he did before he could say that he is done.
    const mute = {
      ...world.inbox,
      letters: { ...ledger, finish: () => Promise.reject(new Error('killed')) },
    };
    if (when === 'after') {
      const dying = await world.open('dying', undefined, mute, env);
      await world.run(dying.replay({ execute: true, canary: false }));
    } else {
      const [letter] = world.deadLetters().kafka;
      const { position, timestampMs } = letter as NonNullable<typeof letter>;
      if (position.broker !== 'kafka') throw new Error('not on Kafka');
      const { topic, partition, offset } = position;
      await ledger.begin({ topic, partition, offset, timestampMs: timestampMs ?? -1 }, 'the dead');
    }
    const desk = await world.open('heir', undefined, undefined, env);
    expect((await world.run(desk.list())).letters).toHaveLength(1);
    const early = await world.run(desk.replay({ execute: true }));
    expect(early).toMatchObject({ replayed: 0, refused: [{ why: 'in-other-hands' }] });
    await world.clock.advance(LETTER_LEASE_MS);
    const late = await world.run(desk.replay({ execute: true }));
    expect(late).toMatchObject({ end: 'done', replayed: 1 });
    expect(handledOf(world)).toEqual([0]);
    expect((await world.run(desk.list())).letters).toEqual([]);
  },
);

test('a letter whose message was handled after all is let go of, not handled again', async () => {
  const world = await deskWorld();
  await world.publish(1);
  world.state.isBroken = false;
  const copy = { id: 'm9', generation: 0, attempt: 1 };
  await world.inbox?.claim('billing', [copy], 't');
  await world.inbox?.markDone('billing', heldBy([copy], 't'));
  // RabbitMQ gave it up by itself, while its handler succeeded.
  const death = {
    count: 1,
    reason: 'delivery_limit',
    queue: 'billing-group',
    time: 1_700_000_000,
    exchange: 'orders',
    'routing-keys': ['orders'],
  };
  world.queues.write('', 'billing-group_dlq', {
    id: 'm9',
    body: Buffer.from('{"n":9}'),
    headers: { 'x-death': [death] },
  });
  const report = await world.run((await world.open()).replay({ execute: true, id: 'm9' }));
  expect(report).toMatchObject({ replayed: 1, handled: 1 });
  expect(handledOf(world)).toEqual([]);
});

test('what RabbitMQ gave up while it was open runs again under its own number, whatever its attempt', async () => {
  const world = await deskWorld();
  world.state.isBroken = false;
  const copy = { id: 'm9', generation: 0, attempt: 3 };
  await world.inbox?.claim('billing', [copy], 't');
  await world.inbox?.release('billing', heldBy([copy], 't'));
  const death = {
    count: 1,
    reason: 'delivery_limit',
    queue: 'billing-group',
    time: 1_700_000_000,
    exchange: '',
    'routing-keys': ['billing-group'],
  };
  world.queues.write('', 'billing-group_dlq', {
    id: 'm9',
    body: Buffer.from('{"n":9}'),
    headers: { 'bc-id': 'm9', 'bc-attempt': '3', 'x-death': [death] },
  });
  await world.run((await world.open()).replay({ execute: true, id: 'm9' }));
  expect(handledOf(world)).toEqual([9]);
  expect(world.state.handled[0]?.headers).toMatchObject({ 'bc-replay-count': '0' });
  expect(world.state.handled[0]?.headers).not.toHaveProperty('x-death');
});

test('what RabbitMQ gave up before the inbox saw it is handled once, by the failed consumer alone', async () => {
  const seen: unknown[] = [];
  const audit = billing({ name: 'audit', group: 'audit-group', handle: ({ data }) => void seen.push(data) });
  const inbox = { ...memoryInbox(), isShared: true, ttlMs: 30 * 86_400_000 };
  const world = await deskWorld({ others: [audit], inbox });
  world.state.isBroken = false;
  const { queues, bus, clock } = world;
  await world.run(bus.consumer('billing').stop());
  await world.publish(1);
  const queue = queues.requireQueue('billing-group');
  // As often as its queue allows, somebody takes it and dies before the inbox is asked.
  for (let deaths = 0; deaths <= 20; deaths += 1) {
    const entry = queue.lend(queue.lastSequence);
    if (entry !== undefined) queue.giveBack([entry]);
  }
  await clock.advance(1_000);
  expect(queue.entries()).toEqual([]);
  const copy = { id: 'm0', generation: 0, attempt: 1 };
  expect(inbox.statesOf('billing', [copy])).toEqual([null]);
  await world.run(bus.consumer('billing').start());
  const desk = await world.open();
  expect((await world.run(desk.list())).letters).toMatchObject([
    { id: 'm0', consumer: 'billing', reason: 'poison', replayCount: 0, isNative: true },
  ]);
  const report = await world.run(desk.replay({ execute: true }));
  expect(report).toMatchObject({ end: 'done', replayed: 1, handled: 1, refused: [], notes: [] });
  await clock.advance(120_000); // its copy on Kafka is seen, too
  expect(world.state.handled).toMatchObject([
    { n: 0, attempt: 1, headers: { 'bc-id': 'm0', 'bc-key': 'k0', 'bc-replay-count': '0' } },
  ]);
  expect(world.state.handled[0]?.headers).not.toHaveProperty('x-death');
  expect(inbox.statesOf('billing', [copy])).toEqual(['done']);
  expect(seen).toEqual([{ n: 0 }]);
  expect((await world.run(desk.list())).letters).toEqual([]);
});

test('without an inbox it works and says that an effect can repeat', async () => {
  const world = await deskWorld({ inbox: null });
  await world.publish(2);
  world.state.isBroken = false;
  const report = await world.run((await world.open()).replay({ execute: true }));
  expect(report).toMatchObject({ end: 'done', replayed: 2 });
  expect(report.notes.join(' ')).toMatch(/no inbox.*at least once/);
  expect(handledOf(world)).toEqual([0, 1]);
  expect(world.state.handled[0]?.headers).toMatchObject({ 'bc-replay-count': '1' });
});

test('the memory of another process is not mistaken for the inbox of the consumer', async () => {
  const world = await deskWorld();
  await world.publish(1);
  world.state.isBroken = false;
  const report = await world.run(
    (await world.open('cli', undefined, memoryInbox())).replay({ execute: true }),
  );
  expect(report.notes.join(' ')).toContain('at least once');
  // Under the same number the running process would drop it as settled, and it would be lost.
  expect(handledOf(world)).toEqual([0]);
});
