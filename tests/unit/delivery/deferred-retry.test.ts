import { expect, test } from '@jest/globals';
import type { ConsumerOptions } from '../../../src/contract/consumer.js';
import { memoryInbox } from '../../../src/inbox/memory-inbox.js';
import { createWorld, NEVER_ANSWERS, REFUSES, STORES } from './harness.js';

const EPOCH_MS = 1_700_000_000_000;
const at = (ms: number): string => new Date(EPOCH_MS + ms).toISOString();

const RETRY = {
  inline: { attempts: 2, backoff: { initialMs: 100, jitter: 0 } },
  deferred: ['5s', '30s', '5m'],
} satisfies ConsumerOptions<unknown>['retry'];

const failing = (retry: ConsumerOptions<unknown>['retry'] = RETRY): Partial<ConsumerOptions<unknown>> => ({
  retry,
  handle: () => Promise.reject(new Error('no')),
});

test('a message whose inline attempts are used up goes to its delay with every header of the original', async () => {
  const world = createWorld({ consumer: failing() });
  const headers = {
    mine: 'kept',
    raw: Buffer.from([255]),
    'bc-id': 'one',
    'bc-published-at': at(-5),
    'bc-expires-at': at(900_000),
    'bc-replay-count': '2',
    traceparent: '00-a-b-01',
    'x-death': [{ count: 1 }],
    'x-delivery-count': 3,
  };
  const delivery = world.deliver({ id: 'one', key: 'k', headers });
  await world.clock.advance(99);
  expect({ retries: world.retries, settled: delivery.settled }).toEqual({ retries: [], settled: 0 });
  await world.clock.advance(1);
  const { 'x-death': _, 'x-delivery-count': __, ...kept } = headers;
  expect(world.retries).toMatchObject([{ delayMs: 5_000, message: { id: 'one', key: 'k' } }]);
  const [copy] = world.retries;
  expect({ ...copy?.message.headers }).toEqual({
    ...kept,
    'bc-key': 'k',
    'bc-attempt': '2',
    'bc-first-failed-at': at(0),
    'bc-due-at': at(5_100),
    'bc-consumer': 'billing',
  });
  expect(copy?.message.body).toBe(delivery.message.body);
  expect(copy?.message.timestampMs).toBe(EPOCH_MS + 100);
  expect({ settled: delivery.settled, letters: world.letters }).toEqual({ settled: 1, letters: [] });
  expect(world.told.filter(({ name }) => name === 'attempt-failed')).toMatchObject([
    { event: { attempt: 1, willRetry: true } },
    { event: { attempt: 2, willRetry: true } },
  ]);
  expect(world.told.at(-1)).toEqual({
    name: 'retry-stored',
    event: { consumer: 'billing', id: 'one', broker: 'rabbitmq', attempt: 2, delayMs: 5_000 },
  });
});

test('each copy has all inline attempts, counts on, waits longer, and the last one ends as a dead letter', async () => {
  const attempts: number[] = [];
  const world = createWorld({
    consumer: {
      retry: RETRY,
      handle: (_, { attempt }) => {
        attempts.push(attempt);
        throw new Error('no');
      },
    },
  });
  world.deliver({ id: 'one' });
  for (let copy = 0; copy < 3; copy += 1) {
    await world.clock.advance(1_000);
    const { message, delayMs } = world.retries[copy] as (typeof world.retries)[number];
    await world.clock.advance(delayMs);
    world.deliver({ id: message.id, headers: { ...message.headers } });
  }
  await world.clock.advance(1_000);
  expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(world.retries.map(({ delayMs }) => delayMs)).toEqual([5_000, 30_000, 300_000]);
  expect(new Set(world.retries.map(({ message }) => message.headers['bc-first-failed-at']))).toEqual(
    new Set([at(0)]),
  );
  const [letter] = world.letters;
  expect(letter?.headers).toMatchObject({
    'bc-reason': 'attempts',
    'bc-attempt': '8',
    'bc-first-failed-at': at(0),
  });
  expect(Object.keys(letter?.headers ?? {})).not.toEqual(
    expect.arrayContaining([expect.stringMatching('bc-due-at|bc-consumer')]),
  );
});

test('a message that would run later than maxAge allows after its first failure is dead-lettered', async () => {
  const world = createWorld({ consumer: failing({ ...RETRY, maxAge: '60s' }) });
  const first = { 'bc-attempt': '2', 'bc-consumer': 'billing' };
  world.deliver({ id: 'young', headers: { ...first, 'bc-first-failed-at': at(-29_000) } });
  world.deliver({ id: 'old', headers: { ...first, 'bc-first-failed-at': at(-31_000) } });
  world.deliver({ id: 'garbage', headers: { ...first, 'bc-first-failed-at': 'yesterday' } });
  await world.clock.advance(100);
  expect(world.retries.map(({ message }) => message.id)).toEqual(['young', 'garbage']);
  expect(world.letters.map(({ id, headers }) => [id, headers['bc-reason']])).toEqual([['old', 'attempts']]);
});

test('a wait that the handler asks for is rounded up to a delay, and a longer one goes round', async () => {
  const world = createWorld({
    consumer: {
      retry: RETRY,
      handle: ({ id }, context) => context.retry({ after: id }),
    },
  });
  const deliveries = ['1ms', '5s', '5001ms', '12m'].map((id) => world.deliver({ id }));
  await world.clock.advance(0);
  expect(world.retries.map(({ delayMs, message }) => [delayMs, message.headers['bc-due-at']])).toEqual([
    [5_000, at(5_000)],
    [5_000, at(5_000)],
    [30_000, at(30_000)],
    [300_000, at(720_000)],
  ]);
  expect(deliveries.map(({ settled }) => settled)).toEqual([1, 1, 1, 1]);
});

test('a copy that comes before its time goes round without a run, a claim or a count, until it is due', async () => {
  let runs = 0;
  const inbox = memoryInbox();
  const claims: unknown[] = [];
  const claim = inbox.claim.bind(inbox);
  inbox.claim = (...args) => {
    claims.push(args);
    return claim(...args);
  };
  const world = createWorld({
    inbox,
    consumer: {
      retry: RETRY,
      handle: () => {
        runs += 1;
      },
    },
  });
  let headers = {
    'bc-attempt': '2',
    'bc-consumer': 'billing',
    'bc-due-at': at(320_100),
    'bc-first-failed-at': at(-9),
  };
  const hops: number[] = [];
  for (let hop = 0; hop < 3; hop += 1) {
    const delivery = world.deliver({ id: 'far', headers });
    await world.clock.advance(0);
    const { delayMs, message } = world.retries[hop] as (typeof world.retries)[number];
    expect({ runs, claims: claims.length, settled: delivery.settled }).toEqual({
      runs: 0,
      claims: 0,
      settled: 1,
    });
    headers = { ...message.headers } as typeof headers;
    expect(headers).toMatchObject({
      'bc-attempt': '2',
      'bc-due-at': at(320_100),
      'bc-first-failed-at': at(-9),
    });
    hops.push(delayMs);
    await world.clock.advance(hop === 1 ? 15_000 : delayMs); // a place may hand over early, too
  }
  expect(hops).toEqual([300_000, 30_000, 30_000]);
  expect(world.deliver({ id: 'far', headers }).settled).toBe(1);
  expect(runs).toBe(1);
});

test('a copy that comes a moment early, by another clock, waits in its lane', async () => {
  const runs: number[] = [];
  const world = createWorld({
    consumer: { retry: RETRY, handle: () => void runs.push(world.clock.monotonicMs()) },
  });
  const headers = { 'bc-attempt': '2', 'bc-consumer': 'billing', 'bc-due-at': at(400) };
  const delivery = world.deliver({ headers });
  await world.clock.advance(399);
  expect({ runs, settled: delivery.settled }).toEqual({ runs: [], settled: 0 });
  await world.clock.advance(1);
  expect({ runs, settled: delivery.settled, retries: world.retries }).toEqual({
    runs: [400],
    settled: 1,
    retries: [],
  });
});

test.each([
  ['of another consumer', { 'bc-attempt': '2', 'bc-consumer': 'other', 'bc-due-at': at(60_000) }],
  ['without a consumer', { 'bc-attempt': '2', 'bc-due-at': at(60_000) }],
  ['further away than any of ours', { 'bc-attempt': '2', 'bc-consumer': 'billing', 'bc-due-at': at(1e9) }],
  ['that is none', { 'bc-attempt': '2', 'bc-consumer': 'billing', 'bc-due-at': '9999' }],
])('a due time %s is ignored', (_, headers) => {
  const world = createWorld({ consumer: { retry: RETRY } });
  expect(world.deliver({ headers }).settled).toBe(1);
  expect(world.retries).toEqual([]);
});

test('the copy is stored, then the record raised, then the original let go of; the copy runs and the original does not', async () => {
  const inbox = memoryInbox();
  const order: string[] = [];
  const release = inbox.release.bind(inbox);
  inbox.release = (consumer, claims) => {
    order.push(`release ${claims[0]?.copy.attempt}`);
    return release(consumer, claims);
  };
  const runs: number[] = [];
  const world = createWorld({
    inbox,
    consumer: {
      retry: { ...RETRY, inline: { attempts: 1 } },
      handle: (_, { attempt }) => {
        runs.push(attempt);
        if (attempt === 1) throw new Error('no');
      },
    },
  });
  world.retryPlace.answer = (ticket) => {
    order.push('copy');
    return STORES(ticket);
  };
  const delivery = world.deliver({ id: 'one' });
  const settle = delivery.settle.bind(delivery);
  delivery.settle = () => {
    order.push('settle');
    settle();
  };
  await world.clock.advance(0);
  expect(order).toEqual(['copy', 'release 2', 'settle']);
  expect(world.deliver({ id: 'one' }).settled).toBe(1); // the original once more
  await world.clock.advance(5_000);
  world.deliver({ id: 'one', headers: { ...world.retries[0]?.message.headers } });
  expect(runs).toEqual([1, 2]);
});

test('a retry copy that arrives before its attempt was raised waits for that', async () => {
  const inbox = memoryInbox();
  const runs: string[] = [];
  const world = createWorld({
    inbox,
    consumer: {
      retry: { inline: { attempts: 1 }, deferred: ['5s'] },
      handle: (_, { attempt }) => {
        runs.push(`run ${attempt}`);
        if (attempt === 1) throw new Error('no');
      },
    },
  });
  world.retryPlace.answer = NEVER_ANSWERS; // stored, and the answer is late
  world.deliver({ id: 'one' });
  await world.clock.advance(0);
  const copy = world.deliver({ id: 'one', headers: { 'bc-attempt': '2', 'bc-consumer': 'billing' } });
  await world.clock.advance(5_000);
  expect({ runs, settled: copy.settled }).toEqual({ runs: ['run 1'], settled: 0 });
  world.retryPlace.answer = STORES;
  await world.clock.advance(10_000);
  expect({ runs, settled: copy.settled }).toEqual({ runs: ['run 1', 'run 2'], settled: 1 });
});

test('a claim that was lost after the copy was stored: it looks again and stores no second copy', async () => {
  const inbox = memoryInbox();
  const release = inbox.release.bind(inbox);
  let refusals = 1;
  inbox.release = (consumer, claims) => {
    if (refusals === 0) return release(consumer, claims);
    refusals -= 1;
    const copy = { id: 'one', generation: 0, attempt: 1 };
    void release(
      'billing',
      claims.map(({ token }) => ({ copy, token })),
    ); // its lease ended
    return [false];
  };
  const world = createWorld({ inbox, consumer: failing({ inline: { attempts: 1 }, deferred: ['5s'] }) });
  const delivery = world.deliver({ id: 'one' });
  await world.clock.advance(1_000);
  expect({ copies: world.retries.length, settled: delivery.settled }).toEqual({ copies: 1, settled: 1 });
  expect(inbox.areSettled('billing', [{ id: 'one', generation: 0, attempt: 1 }])).toEqual([true]);
});

test('while the retry place is down the original is kept, and it is told; then the copy goes where the consumer is fed now', async () => {
  const world = createWorld({ consumer: failing({ inline: { attempts: 1 }, deferred: ['5s'] }) });
  world.retryPlace.answer = REFUSES;
  const delivery = world.deliver({ id: 'kept' });
  await world.clock.advance(120_000);
  expect({ settled: delivery.settled, letters: world.letters }).toEqual({ settled: 0, letters: [] });
  const alarms = world.told.filter(({ name }) => name === 'retry-store-failed');
  expect(alarms.length).toBeGreaterThan(4);
  expect(alarms.length).toBeLessThan(20);
  expect(alarms[0]).toMatchObject({ event: { consumer: 'billing', id: 'kept', broker: 'rabbitmq' } });
  world.retryPlace.answer = STORES;
  world.retryPlace.broker = 'kafka'; // moved meanwhile
  await world.clock.advance(60_000);
  expect(world.retries.map(({ broker, message }) => [broker, message.id])).toEqual([['kafka', 'kept']]);
  expect(delivery.settled).toBe(1);
});

test('a message that is lost before its copy is stored is not let go of', async () => {
  const world = createWorld({
    inbox: memoryInbox(),
    consumer: failing({ ...RETRY, inline: { attempts: 1 } }),
  });
  world.retryPlace.answer = REFUSES;
  const delivery = world.deliver({ id: 'lost' });
  await world.clock.advance(100);
  delivery.source.isLost = true;
  await world.clock.advance(60_000);
  expect({ settled: delivery.settled, copies: world.retries.length }).toEqual({ settled: 0, copies: 0 });
  world.retryPlace.answer = STORES;
  const again = world.deliver({ id: 'lost' });
  await world.clock.advance(0);
  expect({ settled: again.settled, copies: world.retries.length }).toEqual({ settled: 1, copies: 1 });
});
