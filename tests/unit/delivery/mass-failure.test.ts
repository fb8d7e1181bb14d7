import { expect, test } from '@jest/globals';
import type { ConsumerOptions } from '../../../src/contract/consumer.js';
import type { Inbox } from '../../../src/contract/inbox.js';
import { MassFailure } from '../../../src/delivery/mass-failure.js';
import { memoryInbox } from '../../../src/inbox/memory-inbox.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';
import { heldBy } from '../../support/inbox/copy-of.js';
import { createWorld, deferred, deliveryOf, type WorldOptions } from './harness.js';

/** A consumer whose database a test takes down, and every run of its handler. */
function createService(
  consumer: Partial<ConsumerOptions<unknown>> = {},
  options: Omit<WorldOptions, 'consumer'> = {},
) {
  const database = { isDown: true, poison: new Set<string>() };
  const runs: { id: string; atMs: number }[] = [];
  const world = createWorld({
    ...options,
    consumer: {
      concurrency: 4,
      retry: { inline: { attempts: 1 }, deferred: ['5s'] },
      ...consumer,
      handle: async ({ id }) => {
        runs.push({ id, atMs: world.clock.monotonicMs() });
        if (database.isDown || database.poison.has(id)) throw new Error('database is down');
      },
    },
  });
  const deliver = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) =>
      world.deliver({ id: `m${from + index}`, key: `k${from + index}` }),
    );
  return { ...world, deliverOne: world.deliver, database, runs, deliver };
}

test('when everything fails the consumer probes: one at a time, each time another one, with growing pauses', async () => {
  const service = createService();
  service.deliver(0, 30);
  await service.clock.advance(0);
  expect(service.retries).toHaveLength(9); // until then it could have been those messages
  const before = service.runs.length;
  expect(before).toBeLessThanOrEqual(13); // those that ran beside the tenth had begun
  expect(service.pipeline.trouble).toContain('Everything fails');
  expect(service.names().filter((name) => name === 'consumer-paused')).toHaveLength(1);
  await service.clock.advance(200_000);
  const probes = service.runs.slice(before);
  expect(probes.map(({ atMs }) => atMs)).toEqual(
    [1, 3, 7, 15, 31, 61, 91, 121, 151, 181].map((s) => s * 1_000),
  );
  expect(new Set(probes.map(({ id }) => id)).size).toBe(10);
  expect({ copies: service.retries.length, letters: service.letters.length }).toEqual({
    copies: 9,
    letters: 0,
  });
  expect(service.pipeline.held('rabbitmq')).toBe(21);
});

test('the first success resumes everything, in order, and the failures meanwhile counted for nothing', async () => {
  const service = createService({ retry: { inline: { attempts: 2, backoff: { initialMs: 1 } } } });
  const deliveries = service.deliver(0, 30);
  await service.clock.advance(100_000);
  service.database.isDown = false;
  const before = service.runs.length;
  await service.clock.advance(30_000);
  expect(deliveries.map(({ settled }) => settled)).toEqual(deliveries.map(() => 1));
  expect(service.pipeline).toMatchObject({ trouble: null, inFlight: 0 });
  expect(service.pipeline.held('rabbitmq')).toBe(0);
  const [, ...resumed] = service.runs.slice(before).map(({ id }) => Number(id.slice(1)));
  expect(resumed).toEqual([...resumed].sort((a, b) => a - b));
  const names = service.names().filter((name) => name.startsWith('consumer-'));
  expect(names).toEqual(['consumer-paused', 'consumer-resumed']);
  expect(service.clock.pendingTimers).toBe(0);
});

test('poison at the head holds up nothing: another message is tried, and all go on', async () => {
  const service = createService({ concurrency: 1 });
  service.database.isDown = false;
  for (let n = 0; n < 10; n += 1) service.database.poison.add(`m${n}`);
  const deliveries = service.deliver(0, 12);
  await service.clock.advance(60_000);
  expect(deliveries.slice(10).map(({ settled }) => settled)).toEqual([1, 1]);
  expect(service.pipeline.trouble).toBeNull();
  expect(deliveries.map(({ settled }) => settled)).toEqual(deliveries.map(() => 1)); // the tenth had another attempt
  expect(service.retries).toHaveLength(10);
});

test('one message that fails again and again, and failures with successes between them, are no mass failure', async () => {
  const service = createService({ retry: { inline: { attempts: 30, backoff: { initialMs: 1, maxMs: 1 } } } });
  service.database.isDown = false;
  service.database.poison.add('m0');
  service.deliver(0, 1);
  await service.clock.advance(1_000);
  for (let n = 1; n < 50; n += 1) {
    if (n % 9 !== 0) service.database.poison.add(`m${n}`);
    service.deliver(n, n + 1);
    await service.clock.advance(0);
  }
  expect(service.names()).not.toContain('consumer-paused');
});

test.each<[string, ConsumerOptions<unknown>['handle']]>([
  ['are given up on', (_, context) => context.deadLetter('no')],
  ['are dropped', (_, context) => context.drop('no')],
  ['ask for another run', (_, context) => context.retry({ after: '5s' })],
  ['fail for good', () => Promise.reject(Object.assign(new Error('no'), { retriable: false }))],
])('messages that %s are no mass failure', async (_, handle) => {
  const world = createWorld({ consumer: { retry: { deferred: ['5s'] }, handle } });
  for (let n = 0; n < 30; n += 1) world.deliver({ id: `m${n}` });
  await world.clock.advance(0);
  expect(world.names()).not.toContain('consumer-paused');
});

test('invalid messages are no mass failure, and as probes they decide nothing', async () => {
  const service = createService();
  service.deliver(0, 10);
  await service.clock.advance(0);
  for (let n = 0; n < 20; n += 1) {
    service.pipeline.accept(deliveryOf({ id: `bad${n}`, body: Buffer.from('nope') }), 'rabbitmq');
  }
  await service.clock.advance(500);
  expect(service.letters).toEqual([]); // they wait for their turn like the others
  await service.clock.advance(5_000);
  expect(service.letters).toHaveLength(20);
  expect(service.pipeline.trouble).not.toBeNull();
});

test('messages of one key stay in order behind the one that waits', async () => {
  const runs: string[] = [];
  let isDown = true;
  const world = createWorld({
    consumer: {
      concurrency: 2,
      retry: { inline: { attempts: 1 } },
      handle: async ({ id }) => {
        if (isDown) throw new Error('down');
        runs.push(id);
      },
    },
  });
  for (let n = 0; n < 9; n += 1) world.deliver({ id: `first${n}`, key: `x${n}` });
  for (let n = 0; n < 12; n += 1) world.deliver({ id: `${n % 3}-${Math.floor(n / 3)}`, key: `k${n % 3}` });
  await world.clock.advance(50_000);
  isDown = false;
  await world.clock.advance(50_000);
  for (const key of ['0', '1', '2']) {
    expect(runs.filter((id) => id.startsWith(`${key}-`))).toEqual([0, 1, 2, 3].map((n) => `${key}-${n}`));
  }
});

test('what waits holds no claim, so that it can have its effect elsewhere, and is then let go of', async () => {
  const inbox = memoryInbox();
  const service = createService({}, { inbox });
  const deliveries = service.deliver(0, 20);
  await service.clock.advance(0);
  const copies = deliveries
    .slice(9)
    .map(({ message }) => ({ id: message.id as string, generation: 0, attempt: 1 }));
  expect(inbox.claim('billing', copies, 'other')).toEqual(copies.map(() => 'claimed'));
  await inbox.markDone('billing', heldBy(copies, 'other'));
  await service.clock.advance(60_000);
  expect(deliveries.map(({ settled }) => settled)).toEqual(deliveries.map(() => 1));
});

test('what is lost while it waits is forgotten, however often connections break during one failure', async () => {
  const service = createService();
  service.deliver(0, 20);
  await service.clock.advance(0);
  for (let round = 1; round < 50; round += 1) {
    for (const delivery of service.deliver(100 * round, 100 * round + 50)) delivery.source.isLost = true;
    await service.clock.advance(30_000);
  }
  expect(service.pipeline.held('rabbitmq')).toBeLessThan(70);
});

test('an interruption while it probes drops what waits, settles nothing, and ends the state', async () => {
  const service = createService();
  const deliveries = service.deliver(0, 30);
  await service.clock.advance(2_000);
  await service.pipeline.interrupt();
  expect(deliveries.filter(({ settled }) => settled === 1)).toHaveLength(9);
  expect(service.pipeline.trouble).toBeNull();
  await service.clock.advance(60_000);
  expect(service.clock.pendingTimers).toBe(0);
  service.database.isDown = false;
  const [again] = service.deliver(100, 101);
  await service.clock.advance(0);
  expect(again?.settled).toBe(1);
});

test('a handler that runs when the failure is noticed ends it if it succeeds', async () => {
  const slow = deferred();
  const world = createWorld({
    consumer: {
      retry: { inline: { attempts: 1 }, deferred: ['5s'] },
      handle: ({ id }) => (id === 'slow' ? slow.promise : Promise.reject(new Error('no'))),
    },
  });
  world.deliver({ id: 'slow' });
  for (let n = 0; n < 10; n += 1) world.deliver({ id: `m${n}` });
  await world.clock.advance(0);
  expect(world.pipeline.trouble).not.toBeNull();
  slow.resolve();
  await world.clock.advance(0);
  expect(world.pipeline.trouble).toBeNull();
  expect(world.pipeline.held('rabbitmq')).toBe(0);
});

/** Delivers the retry copy of a message that failed for the first time so many ms ago. */
function retryOf({ pipeline, clock }: ReturnType<typeof createService>, id: string, agoMs: number): void {
  const failedAt = new Date(clock.epochMs() - agoMs).toISOString();
  const headers = { 'bc-attempt': '2', 'bc-first-failed-at': failedAt };
  pipeline.accept(deliveryOf({ id, headers }), 'rabbitmq');
}

test('copies of bad messages that come back together are no mass failure: others succeeded since they failed', async () => {
  const service = createService();
  service.database.isDown = false;
  service.database.poison = new Set(Array.from({ length: 40 }, (_, n) => `m${n}`));
  for (let n = 0; n < 40; n += 5) {
    service.deliver(n, n + 5);
    service.deliver(100 + n, 101 + n);
    await service.clock.advance(1);
  }
  expect(service.retries).toHaveLength(40);
  await service.clock.advance(5_000);
  for (let n = 0; n < 40; n += 1) retryOf(service, `m${n}`, 5_001);
  await service.clock.advance(0);
  expect(service.letters).toHaveLength(40);
  expect(service.names()).not.toContain('consumer-paused');
});

test('copies that come back while nothing has succeeded since they failed are part of a mass failure', async () => {
  const service = createService();
  service.database.isDown = false;
  service.database.poison.add('bad');
  service.pipeline.accept(deliveryOf({ id: 'bad' }), 'rabbitmq');
  service.deliver(0, 1); // something succeeded before they failed
  await service.clock.advance(5_000);
  service.database.isDown = true;
  for (let n = 10; n < 30; n += 1) retryOf(service, `m${n}`, 1_000);
  await service.clock.advance(60_000);
  expect(service.pipeline.trouble).not.toBeNull();
  expect({ letters: service.letters.length, held: service.pipeline.held('rabbitmq') }).toEqual({
    letters: 9,
    held: 11,
  });
});

test('in a mass failure a message that failed before is tried now and then, and can be given up on', async () => {
  const service = createService();
  service.database.isDown = false;
  service.database.poison.add('bad');
  service.pipeline.accept(deliveryOf({ id: 'bad' }), 'rabbitmq');
  await service.clock.advance(1);
  service.deliver(0, 1);
  await service.clock.advance(1_000);
  service.database.isDown = true;
  service.deliver(10, 22);
  await service.clock.advance(0);
  retryOf(service, 'bad', 1_001);
  await service.clock.advance(300_000);
  expect(service.letters.map(({ id }) => id)).toEqual(['bad']);
  const probes = service.runs.slice(-8).map(({ id }) => id);
  expect(probes.filter((id) => id === 'bad').length).toBeLessThanOrEqual(1);
});

test('failures of messages that one answer of the inbox started together are no mass failure where others succeeded between them', async () => {
  const inner = memoryInbox();
  // A store that answers later: those who wait for it go on in one moment.
  const inbox: Inbox = { ...inner, claim: async (...asked) => inner.claim(...asked) };
  const service = createService({ concurrency: 100 }, { inbox });
  service.database.isDown = false;
  for (let n = 0; n < 60; n += 4) service.database.poison.add(`m${n}`);
  service.deliver(0, 60);
  await service.clock.advance(0);
  expect(service.runs).toHaveLength(60);
  expect(service.names()).not.toContain('consumer-paused');
  expect(service.retries).toHaveLength(15);
});

test('the next messages of keys that fail are no mass failure: other keys succeeded since', async () => {
  const service = createService({ concurrency: 100 });
  service.database.isDown = false;
  const bad = (round: number, from: number, to: number): void => {
    for (let n = from; n < to; n += 1) {
      service.database.poison.add(`bad-${round}-${n}`);
      service.deliverOne({ id: `bad-${round}-${n}`, key: `bad-${n}` });
    }
  };
  for (let n = 0; n < 20; n += 1) {
    bad(1, n, n + 1);
    service.deliver(n, n + 1);
  }
  bad(2, 0, 20);
  await service.clock.advance(0);
  await service.clock.advance(1);
  expect(service.runs.filter(({ id }) => id.startsWith('bad-2'))).toHaveLength(20);
  expect(service.retries).toHaveLength(40);
  expect(service.pipeline.trouble).toBeNull();
});

test('what is on its way to wait when the probing ends goes on', async () => {
  const taken: object[] = [];
  const item = { isOver: false, sequence: 1, failedAtMs: null };
  const massFailure = new MassFailure<typeof item>({
    clock: createFakeClock(),
    random: () => 0.5,
    takeUp: (one) => taken.push(one),
    onChange: () => undefined,
  });
  for (let n = 0; n < 10; n += 1) massFailure.failed(item, `m${n}`);
  expect(massFailure.isProbing).toBe(true);
  massFailure.decided();
  massFailure.setAside(item);
  expect(taken).toEqual([item]);
});
