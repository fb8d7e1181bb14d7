import { expect, test } from '@jest/globals';
import * as z from 'zod';
import type { HandlerContext } from '../../../src/contract/consumer.js';
import type { Message } from '../../../src/contract/message.js';
import { createWorld, deferred, NEVER_ANSWERS, REFUSES, STORES } from './harness.js';

const RETRY = { inline: { attempts: 3, backoff: { initialMs: 100, factor: 2, jitter: 0 } } };

test('settles only after the handler has ended', async () => {
  const effect = deferred();
  const { clock, deliver, pipeline } = createWorld({ consumer: { handle: () => effect.promise } });
  const delivery = deliver();
  await clock.advance(10_000);
  expect({ settled: delivery.settled, held: pipeline.held('rabbitmq') }).toEqual({ settled: 0, held: 1 });
  effect.resolve();
  await clock.advance(0);
  expect({ settled: delivery.settled, held: pipeline.held('rabbitmq') }).toEqual({ settled: 1, held: 0 });
});

test('a handler that returns at once is settled at once', () => {
  const { deliver, pipeline } = createWorld();
  expect(deliver().settled).toBe(1);
  expect(pipeline.inFlight).toBe(0);
});

const THROWS: [string, (context: HandlerContext) => unknown][] = [
  ['a synchronous throw', () => throwIt(new Error('sync'))],
  ['a rejection', () => Promise.reject(new Error('async'))],
  ['throwing undefined', () => throwIt(undefined)],
  ['rejecting with a frozen cyclic object', () => Promise.reject(cyclic())],
  ['throwing an error whose getters throw', () => throwIt(hostileError())],
  ['throwing a symbol', () => throwIt(Symbol('odd'))],
  ['a thenable that throws', () => thenable(() => throwIt(new Error('then')))],
  ['a thenable that rejects', () => thenable((_, reject) => reject(new Error('then')))],
];

/** A promise of a foreign library. */
const thenable = (run: (resolve: unknown, reject: (error: unknown) => void) => void): unknown =>
  Object.fromEntries([['then', run]]);

function throwIt(value: unknown): never {
  throw value;
}

function cyclic(): object {
  const object: Record<string, unknown> = {};
  object.self = object;
  return Object.freeze(object);
}

function hostileError(): Error {
  const error = new Error('hidden');
  for (const name of ['message', 'name', 'stack', 'retriable', 'code']) {
    Object.defineProperty(error, name, { get: () => throwIt(new Error('getter')) });
  }
  return error;
}

test.each(THROWS)('%s is retried, then dead-lettered, and the next message is handled', async (_, handle) => {
  const runs: number[] = [];
  const world = createWorld({
    consumer: {
      retry: RETRY,
      handle: (message, context) => {
        if (message.id === 'good') return undefined;
        runs.push(context.attempt);
        return handle(context) as undefined;
      },
    },
  });
  const bad = world.deliver({ id: 'bad', key: 'k' });
  const good = world.deliver({ id: 'good', key: 'k' });
  await world.clock.advance(1_000);
  expect(runs).toEqual([1, 2, 3]);
  expect(world.letters.map(({ id }) => id)).toEqual(['bad']);
  expect({ bad: bad.settled, good: good.settled }).toEqual({ bad: 1, good: 1 });
  expect(world.lines).toEqual([]);
});

test('waits between attempts as the backoff says, and only the lane of the key waits', async () => {
  const runs: string[] = [];
  const world = createWorld({
    consumer: {
      retry: RETRY,
      handle: (message, { attempt }) => {
        runs.push(`${message.id}#${attempt}@${world.clock.monotonicMs()}`);
        if (message.id === 'bad') throw new Error('no');
      },
    },
  });
  world.deliver({ id: 'bad', key: 'a' });
  world.deliver({ id: 'behind', key: 'a' });
  world.deliver({ id: 'beside', key: 'b' });
  world.deliver({ id: 'keyless' });
  await world.clock.advance(1_000);
  expect(runs).toEqual(['bad#1@0', 'beside#1@0', 'keyless#1@0', 'bad#2@100', 'bad#3@300', 'behind#1@300']);
});

test('a handler that never resolves is aborted at its deadline, retried, and dead-lettered', async () => {
  const signals: AbortSignal[] = [];
  const world = createWorld({
    consumer: {
      timeoutMs: 1_000,
      retry: RETRY,
      handle: (_, { signal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      },
    },
  });
  const delivery = world.deliver({ id: 'stuck' });
  await world.clock.advance(999);
  expect(signals[0]?.aborted).toBe(false);
  await world.clock.advance(5_000);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  expect(signals[0]?.reason).toMatchObject({ code: 'BC_HANDLER_TIMEOUT' });
  expect(world.letters[0]?.headers).toMatchObject({
    'bc-reason': 'attempts',
    'error-type': 'BuscouplerError',
  });
  expect(delivery.settled).toBe(1);
  expect(world.clock.pendingTimers).toBe(0);
});

test('a handler that ends after its deadline changes nothing any more', async () => {
  const first = deferred();
  const world = createWorld({
    consumer: {
      timeoutMs: 1_000,
      retry: RETRY,
      handle: (_, { attempt }) => (attempt === 1 ? first.promise : new Promise(() => undefined)),
    },
  });
  const delivery = world.deliver();
  await world.clock.advance(1_200);
  first.reject(new Error('late')); // an unhandled rejection would fail the test run
  await world.clock.advance(100);
  expect(delivery.settled).toBe(0);
});

test('changes by a handler are invisible to the next attempt and to the dead letter', async () => {
  const seen: unknown[] = [];
  const vandal = (message: Message): void => {
    const { headers, position, data } = message as { headers: object; position: object; data: { n: number } };
    seen.push(JSON.parse(JSON.stringify({ headers, position, data })));
    data.n = 99;
    Object.assign(headers, { added: 'x', own: 'changed' });
    (headers as { raw: Buffer }).raw.fill(0);
    (headers as { table: { inner: string } }).table.inner = 'changed';
    Object.assign(position, { queue: 'changed' });
    throw new Error('no');
  };
  const world = createWorld({ consumer: { retry: RETRY, handle: vandal } });
  world.deliver({ headers: { own: 'value', raw: Buffer.from('raw'), table: { inner: 'deep' } } });
  await world.clock.advance(1_000);
  expect(seen).toHaveLength(3);
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
  const [letter] = world.letters;
  expect(letter?.body?.toString()).toBe('{"n":1}');
  expect(letter?.headers).toMatchObject({
    own: 'value',
    raw: Buffer.from('raw'),
    table: { inner: 'deep' },
    'original-queue': 'billing-group',
  });
  expect(letter?.headers).not.toHaveProperty('added');
});

test('a handler that overwrites the bytes of a bytes topic spoils neither retry nor dead letter', async () => {
  const seen: string[] = [];
  const world = createWorld({
    topic: { codec: 'bytes' },
    consumer: {
      retry: RETRY,
      handle: ({ data }) => {
        seen.push((data as Buffer).toString());
        (data as Buffer).fill(0);
        throw new Error('no');
      },
    },
  });
  world.deliver({ body: Buffer.from('precious') });
  await world.clock.advance(1_000);
  expect(seen).toEqual(['precious', 'precious', 'precious']);
  expect(world.letters[0]?.body?.toString()).toBe('precious');
});

test('verdicts retry, dead-letter and drop do what they say', async () => {
  const runs: string[] = [];
  const world = createWorld({
    consumer: {
      retry: RETRY,
      handle: (message, context) => {
        runs.push(`${message.id}@${world.clock.monotonicMs()}`);
        if (message.id === 'retry' && context.attempt === 1) return context.retry({ after: '5s' });
        if (message.id === 'bury') return context.deadLetter('no such account');
        if (message.id === 'drop') return context.drop('too old');
        return undefined;
      },
    },
  });
  const deliveries = ['retry', 'bury', 'drop'].map((id) => world.deliver({ id }));
  await world.clock.advance(10_000);
  expect(runs).toEqual(['retry@0', 'bury@0', 'drop@0', 'retry@5000']);
  expect(deliveries.map(({ settled }) => settled)).toEqual([1, 1, 1]);
  expect(world.letters[0]?.headers).toMatchObject({
    'bc-reason': 'rejected',
    'error-message': expect.stringContaining('no such account'),
  });
  expect(world.told).toContainEqual({
    name: 'dropped',
    event: { consumer: 'billing', id: 'drop', reason: 'too old' },
  });
});

test('an error that says it is not retriable is dead-lettered after one attempt', async () => {
  const world = createWorld({
    consumer: {
      retry: RETRY,
      handle: () => throwIt(Object.assign(new Error('never'), { retriable: false })),
    },
  });
  world.deliver();
  await world.clock.advance(0);
  expect(world.letters[0]?.headers).toMatchObject({ 'bc-reason': 'rejected', 'bc-attempt': '1' });
});

test('attempts count on from the header of a retry copy, and a hostile header counts as none', async () => {
  const attempts: number[] = [];
  const world = createWorld({ consumer: { handle: (_, { attempt }) => void attempts.push(attempt) } });
  for (const header of ['4', '0', '-1', '1e3', '99999999999', '', '४']) {
    world.deliver({ headers: { 'bc-attempt': header } });
  }
  world.deliver({ headers: { 'bc-attempt': Buffer.from('7') } });
  world.deliver({ headers: { 'bc-attempt': null, 'bc-replay-count': { nested: 'table' } } });
  expect(attempts).toEqual([10, 1, 1, 1, 1, 1, 1, 19, 1]); // each copy has three attempts
});

const INVALID: [string, Buffer | null][] = [
  ['zero bytes', Buffer.alloc(0)],
  ['truncated JSON', Buffer.from('{"n":')],
  ['a byte order mark', Buffer.from('\ufeff{"n":1}')],
  ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ['JSON null', Buffer.from('null')],
  ['an array', Buffer.from('[]')],
  ['a number without bounds', Buffer.from('{"n":1e999}')],
  ['a wrong type', Buffer.from('{"n":"secret-value"}')],
  ['200,000 nested arrays', Buffer.from(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)],
  ['a tombstone where the schema takes none', null],
];

test.each(INVALID)('%s is dead-lettered at once as invalid, raw bytes kept', async (_, body) => {
  let runs = 0;
  const world = createWorld({
    topic: { schema: z.object({ n: z.number() }) },
    consumer: {
      handle: () => {
        runs += 1;
      },
    },
  });
  const delivery = world.deliver({ body });
  await world.clock.advance(0);
  expect({ runs, settled: delivery.settled }).toEqual({ runs: 0, settled: 1 });
  expect(world.letters[0]?.headers['bc-reason']).toBe('invalid');
  expect(world.letters[0]?.body).toBe(body);
  expect(JSON.stringify(world.letters[0]?.headers)).not.toContain('secret-value');
});

test('an invalid message is dropped where the consumer says so', async () => {
  const world = createWorld({ consumer: { invalid: 'drop' } });
  const delivery = world.deliver({ id: 'bad', body: Buffer.from('nope') });
  await world.clock.advance(0);
  expect(delivery.settled).toBe(1);
  expect(world.names()).toEqual(['dropped']);
});

test.each([
  ['throws', () => throwIt(new RangeError('deep'))],
  ['rejects', () => Promise.reject(new Error('look-up failed'))],
])('a schema that %s is a failed attempt: retried, then dead-lettered', async (_, validate) => {
  const schema = { '~standard': { version: 1 as const, vendor: 'test', validate } };
  const world = createWorld({ topic: { schema }, consumer: { retry: RETRY } });
  const delivery = world.deliver();
  await world.clock.advance(1_000);
  expect(world.letters[0]?.headers).toMatchObject({ 'bc-reason': 'attempts', 'bc-attempt': '3' });
  expect(delivery.settled).toBe(1);
});

test('prototype-shaped data and headers are inert', async () => {
  const world = createWorld({
    consumer: {
      handle: ({ data, headers }) => {
        expect(Object.getPrototypeOf(headers)).toBeNull();
        expect((data as { polluted?: unknown }).polluted).toBeUndefined();
      },
    },
  });
  const headers = JSON.parse('{"__proto__":"evil","constructor":"x"}') as Record<string, string>;
  const body = Buffer.from(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"then":"x"}',
  );
  expect(world.deliver({ headers, body }).settled).toBe(1);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test('while the dead-letter place is down the original is kept; it is let go of once the letter is stored', async () => {
  const world = createWorld({
    consumer: { retry: { inline: { attempts: 1 } }, handle: () => throwIt(new Error('no')) },
  });
  world.place.answer = REFUSES;
  const delivery = world.deliver({ id: 'kept', key: 'a' });
  const behind = world.deliver({ id: 'behind', key: 'a' });
  await world.clock.advance(60_000);
  world.place.answer = NEVER_ANSWERS;
  await world.clock.advance(60_000);
  expect({ settled: delivery.settled, behind: behind.settled, letters: world.letters.length }).toEqual({
    settled: 0,
    behind: 0,
    letters: 0,
  });
  const alarms = world.names().filter((name) => name === 'dead-letter-failed').length;
  expect(alarms).toBeGreaterThan(5); // backoff: not a storm either
  expect(alarms).toBeLessThan(20);
  world.place.answer = STORES;
  await world.clock.advance(60_000);
  expect(world.letters.map(({ id }) => id)).toEqual(['kept', 'behind']);
  expect(delivery.settled).toBe(1);
});

test('an uncertain letter is stored again with the same id before the original is let go of', async () => {
  const world = createWorld({
    consumer: { retry: { inline: { attempts: 1 } }, handle: () => throwIt(new Error('no')) },
  });
  const tried: string[] = [];
  world.place.answer = (ticket) => {
    tried.push(ticket.message.id);
    return tried.length === 1 ? null : STORES(ticket);
  };
  const delivery = world.deliver({ id: 'twice' });
  await world.clock.advance(10_040);
  expect(delivery.settled).toBe(0);
  await world.clock.advance(1_000);
  expect({ tried, settled: delivery.settled }).toEqual({ tried: ['twice', 'twice'], settled: 1 });
});

test('a letter is made smaller when the place turns out to take less', async () => {
  const world = createWorld({
    consumer: { retry: { inline: { attempts: 1 } }, handle: () => throwIt(new Error('m'.repeat(3_000))) },
  });
  const stacks: number[] = [];
  world.place.answer = (ticket) => {
    stacks.push(String(ticket.message.headers['error-stack']).length);
    if (stacks.length > 1) return STORES(ticket);
    world.place.maxMessageBytes = 600;
    return REFUSES(ticket);
  };
  world.deliver({ id: 'large' });
  await world.clock.advance(1_000);
  expect(stacks[0]).toBeGreaterThan(1_000);
  expect(stacks[1]).toBe(0);
  expect(world.letters).toHaveLength(1);
});

test('a foreign message without an id gets its position in the log, in a queue a fresh one', async () => {
  const ids: string[] = [];
  const world = createWorld({ consumer: { handle: ({ id }) => void ids.push(id) } });
  const first = world.deliver({ id: null, broker: 'kafka' });
  world.deliver({ id: 'x'.repeat(256), broker: 'rabbitmq' });
  world.deliver({ id: '', broker: 'rabbitmq' });
  const { position } = first.message;
  expect(ids[0]).toBe(`orders/3/${position.broker === 'kafka' ? position.offset : ''}`);
  expect(ids[1]).toMatch(/^[0-9a-f-]{36}$/);
  expect(ids[2]).toMatch(/^[0-9a-f-]{36}$/);
});

test('what a handler is given is complete', async () => {
  let context: HandlerContext | undefined;
  let message: Message | undefined;
  const world = createWorld({
    consumer: {
      handle: (given, around) => {
        message = given;
        context = around;
      },
    },
  });
  world.deliver({ id: 'whole', key: 'k', headers: { a: 'b' } });
  expect(message).toMatchObject({ id: 'whole', topic: 'orders', key: 'k', data: { n: 1 } });
  expect(message?.headers).toEqual({ a: 'b' });
  expect(message?.publishedAt).toEqual(new Date(1_700_000_000_000));
  expect(message?.position).toMatchObject({ broker: 'rabbitmq', queue: 'billing-group' });
  expect(context).toMatchObject({ messageId: 'whole', attempt: 1, consumer: 'billing', broker: 'rabbitmq' });
  expect(context?.idempotencyKey).toBe('billing/whole');
  expect(context?.deadline).toEqual(new Date(1_700_000_060_000));
  expect(context?.signal.aborted).toBe(false);
});
