import { expect, test } from '@jest/globals';
import * as z from 'zod';
import { watch } from '../bus/harness.js';
import { createPath } from './harness.js';

const MESSAGE_LIMIT = 1_048_576 - 32 * 1_024;
const HEADER_LIMIT = 32 * 1_024;

const invalid = (what: string) => ({ code: 'BC_MESSAGE_INVALID', message: expect.stringContaining(what) });

test('a message carries its id, key, time and type in headers, and nothing but the data in its body', async () => {
  const path = createPath({ topic: { key: (data: { user: string }) => data.user } as never });
  const { id } = await path.publish({ user: 'u1' });
  expect(path.kafka.tickets[0]?.message).toMatchObject({
    id,
    key: 'u1',
    contentType: 'application/json',
    timestampMs: 1_700_000_000_000,
    headers: {
      'bc-id': id,
      'bc-key': 'u1',
      'bc-published-at': '2023-11-14T22:13:20.000Z',
      'content-type': 'application/json',
    },
  });
  expect(path.kafka.tickets[0]?.message.body?.toString()).toBe('{"user":"u1"}');
});

test.each([0, 1_900_000_000_000, 253_402_300_799_999])(
  'an expiry at %s travels in a header',
  async (timeMs) => {
    const path = createPath();
    const expiresAt = new Date(timeMs);
    await path.publish({ n: 1 }, { expiresAt });
    expect(path.kafka.tickets[0]?.message.headers['bc-expires-at']).toBe(expiresAt.toISOString());
  },
);

test('a schema checks and the caller’s value is what is sent', async () => {
  const schema = z.object({ n: z.number(), d: z.string().default('x') }).transform(({ n }) => n * 2);
  const path = createPath({ topic: { schema } as never });
  await path.publish({ n: 1, extra: true });
  expect(path.kafka.tickets[0]?.message.body?.toString()).toBe('{"n":1,"extra":true}');
  await expect(path.publish({ n: 'secret' })).rejects.toMatchObject(invalid('n: '));
});

test.each<[string, unknown, string]>([
  ['an unknown option', { keys: 'a' }, 'unknown option "keys"'],
  ['an empty id', { id: '' }, 'id'],
  ['an id of 256 bytes', { id: 'x'.repeat(256) }, 'id'],
  ['an id of 255 characters and more bytes', { id: 'ü'.repeat(200) }, 'id'],
  ['an id that is no text', { id: 7 }, 'id'],
  ['an id with half a surrogate pair', { id: '\ud800' }, 'id'],
  ['a key that is no text', { key: 7 }, 'a key that is a number'],
  ['a key with half a surrogate pair', { key: '\udc00' }, 'surrogate'],
  ['a key of over 4 KiB', { key: 'x'.repeat(4_097) }, 'key of over 4096 bytes'],
  ['a spoofed control header', { headers: { 'bc-attempt': '7' } }, 'the header "bc-attempt"'],
  ['a spoofed control header in capitals', { headers: { 'BC-Replay-Count': '7' } }, 'prefix "bc-"'],
  ['an empty header name', { headers: { '': 'x' } }, 'header name of 0 bytes'],
  ['a header name of 256 bytes', { headers: { ['h'.repeat(256)]: 'x' } }, 'header name of 256 bytes'],
  ['a header that is a number', { headers: { a: 1 } }, 'header "a" with a number'],
  ['a header that is null', { headers: { a: null } }, 'header "a" with a null'],
  ['a header with half a surrogate pair', { headers: { a: '\ud800' } }, 'surrogate'],
  ['too many bytes of headers', { headers: { a: 'x'.repeat(HEADER_LIMIT) } }, 'over 32768 bytes of headers'],
  ['a tombstone with data', { tombstone: true }, 'tombstone with data'],
  ['no time at all', { timeoutMs: 0 }, 'timeoutMs 0'],
  ['more than an hour', { timeoutMs: 3_600_001 }, 'timeoutMs 3600001'],
  ['a time that is no number', { timeoutMs: 'soon' }, 'timeoutMs soon'],
  ['an expiry that is no Date', { expiresAt: '2030-01-01T00:00:00.000Z' }, 'expiresAt'],
  ['an expiry that is no time', { expiresAt: new Date(Number.NaN) }, 'expiresAt'],
  ['an expiry after the year 9999', { expiresAt: new Date(253_402_300_800_000) }, 'expiresAt'],
  ['a signal that is none', { signal: {} }, 'no AbortSignal'],
  ['headers that are null', { headers: null }, 'cannot be published'],
])('%s is refused and nothing is sent', async (_, options, what) => {
  const path = createPath();
  await expect(path.publish({ n: 1 }, options as never)).rejects.toMatchObject(invalid(what));
  expect(path.kafka.tickets).toEqual([]);
  expect(path.book.size).toBe(0);
});

test.each<[string, unknown]>([
  ['an id of 1 byte', { id: 'x' }],
  ['an id of 255 bytes', { id: 'x'.repeat(255) }],
  ['an empty key', { key: '' }],
  ['a key of 4 KiB', { key: 'x'.repeat(4_096) }],
  ['a header name of 255 bytes', { headers: { ['h'.repeat(255)]: 'x' } }],
  ['headers of exactly 32 KiB', { headers: { a: 'x'.repeat(HEADER_LIMIT - 1) } }],
  ['line breaks and escapes in a header', { headers: { a: 'x\r\nInjected: y\u001b[31m' } }],
  ['an hour', { timeoutMs: 3_600_000 }],
])('%s is taken', async (_, options) => {
  const path = createPath();
  await expect(path.publish({ n: 1 }, options as never)).resolves.toBeDefined();
});

test('a header named __proto__ is sent as a plain header and changes no prototype', async () => {
  const path = createPath();
  const headers = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
  await path.publish({ n: 1 }, { headers });
  const sent = path.kafka.tickets[0]?.message.headers ?? {};
  expect(Object.getOwnPropertyDescriptor(sent, '__proto__')?.value).toBe('x');
  expect(Object.keys(sent)).toEqual(expect.arrayContaining(['__proto__', 'constructor']));
  expect(({} as { x?: unknown }).x).toBeUndefined();
});

test('a content type of the caller is that of the message', async () => {
  const path = createPath({ topic: { codec: 'bytes' } });
  await path.publish(Buffer.from('x'), { headers: { 'content-type': 'image/png' } });
  expect(path.kafka.tickets[0]?.message).toMatchObject({
    contentType: 'image/png',
    headers: { 'content-type': 'image/png' },
  });
});

test('what the caller does with its Buffers afterwards changes nothing that is sent', async () => {
  const path = createPath({ topic: { codec: 'bytes' } });
  const body = Buffer.from('body');
  const header = Buffer.from('header');
  await path.publish(body, { headers: { h: header } });
  body.fill(0);
  header.fill(0);
  expect(path.kafka.tickets[0]?.message.body?.toString()).toBe('body');
  expect(String(path.kafka.tickets[0]?.message.headers.h)).toBe('header');
});

test('a tombstone is no body at all, and the schema is not asked', async () => {
  const path = createPath({ topic: { schema: z.object({ n: z.number() }) } as never });
  await path.publish(null, { tombstone: true, key: 'k' });
  expect(path.kafka.tickets[0]?.message.body).toBeNull();
});

test('a key function that throws or gives no text refuses the message', async () => {
  const throwing = createPath({
    topic: {
      key: () => {
        throw new Error('no user');
      },
    },
  });
  await expect(throwing.publish({ n: 1 })).rejects.toMatchObject(invalid('key function threw (no user)'));
  const numeric = createPath({ topic: { key: (() => 7) as never } });
  await expect(numeric.publish({ n: 1 })).rejects.toMatchObject(invalid('a key that is a number'));
  const none = createPath({ topic: { key: () => undefined } });
  await none.publish({ n: 1 });
  expect(none.kafka.tickets[0]?.message).toMatchObject({ key: null });
  expect(none.kafka.tickets[0]?.message.headers).not.toHaveProperty('bc-key');
});

test('exactly the limit of the smaller broker passes, one byte over it is refused before either sees it', async () => {
  const path = createPath({ topic: { codec: 'bytes' } });
  path.rabbitmq.control.maxMessageBytes = 16 * 1_048_576;
  await expect(path.publish(Buffer.alloc(MESSAGE_LIMIT))).resolves.toBeDefined();
  await expect(path.publish(Buffer.alloc(MESSAGE_LIMIT + 1))).rejects.toMatchObject({
    code: 'BC_MESSAGE_TOO_LARGE',
    message: expect.stringContaining(
      `has ${MESSAGE_LIMIT + 1} bytes; every broker of its route takes ${MESSAGE_LIMIT}`,
    ),
  });
  const headers = { hh: 'ü' }; // 4 bytes
  await expect(path.publish(Buffer.alloc(MESSAGE_LIMIT - 4), { headers })).resolves.toBeDefined();
  await expect(path.publish(Buffer.alloc(MESSAGE_LIMIT - 3), { headers })).rejects.toMatchObject({
    code: 'BC_MESSAGE_TOO_LARGE',
  });
  expect(path.kafka.tickets).toHaveLength(2);
  expect(path.rabbitmq.tickets).toHaveLength(2);
});

test('a limit that becomes known later holds from then on', async () => {
  const path = createPath({ topic: { codec: 'bytes' } });
  await path.publish(Buffer.alloc(5_000));
  path.kafka.control.maxMessageBytes = 33 * 1_024;
  await expect(path.publish(Buffer.alloc(5_000))).rejects.toMatchObject({ code: 'BC_MESSAGE_TOO_LARGE' });
  path.kafka.control.maxMessageBytes = 1_024;
  await expect(path.publish(Buffer.alloc(1))).rejects.toMatchObject({
    message: expect.stringContaining('takes 0'),
  });
});

test('an aborted signal refuses before anything is sent', async () => {
  const path = createPath();
  await expect(path.publish({ n: 1 }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'BC_PUBLISH_ABORTED',
  });
  expect(path.kafka.tickets).toEqual([]);
});

test('an abort ends the wait; what was sent is uncertain, and its late answer is ignored', async () => {
  const path = createPath();
  path.kafka.control.behaviour = 'silent';
  path.rabbitmq.control.behaviour = 'sent';
  const controller = new AbortController();
  const end = watch(path.publish({ n: 1 }, { signal: controller.signal }));
  controller.abort();
  await path.clock.advance(0);
  expect(end.error).toMatchObject({
    code: 'BC_PUBLISH_UNCERTAIN',
    brokers: { kafka: 'failed', rabbitmq: 'uncertain' },
    errors: { kafka: { code: 'BC_PUBLISH_ABORTED' } },
  });
  path.rabbitmq.tickets[0]?.settle({ status: 'stored' });
  expect(path.book.size).toBe(0);
});

test('an abort after the end does nothing, and the signal keeps no listener', async () => {
  const path = createPath();
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = ((...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  }) as typeof add;
  signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  }) as typeof remove;
  path.rabbitmq.control.behaviour = 'sent';
  const publishes = Array.from({ length: 50 }, (_, n) => path.publish({ n }, { signal }));
  expect(listeners).toBe(50);
  for (const ticket of path.rabbitmq.tickets) ticket.settle({ status: 'stored' });
  await Promise.all(publishes);
  expect(listeners).toBe(0);
  controller.abort();
});

/** A schema that answers later. */
const asynchronous = (answer: () => unknown) => ({
  '~standard': { version: 1 as const, vendor: 'test', validate: async () => answer() },
});

test('an asynchronous schema is awaited before anything is sent', async () => {
  const path = createPath({ topic: { schema: asynchronous(() => ({ value: 1 })) } as never });
  const end = path.publish({ n: 1 });
  expect(path.kafka.tickets).toEqual([]);
  await expect(end).resolves.toMatchObject({ brokers: { kafka: 'stored' } });
});

test.each<[string, () => unknown, string]>([
  ['refuses', () => ({ issues: [{ message: 'not good' }] }), 'not good'],
  [
    'rejects',
    () => {
      throw new Error('look-up failed');
    },
    'look-up failed',
  ],
])('an asynchronous schema that %s gives a typed error', async (_, answer, what) => {
  const path = createPath({ topic: { schema: asynchronous(answer) } as never });
  await expect(path.publish({ n: 1 })).rejects.toMatchObject(invalid(what));
  expect(path.kafka.tickets).toEqual([]);
});

test('an abort while an asynchronous schema is asked sends nothing', async () => {
  const controller = new AbortController();
  const path = createPath({ topic: { schema: asynchronous(() => ({ value: 1 })) } as never });
  const end = path.publish({ n: 1 }, { signal: controller.signal });
  controller.abort();
  await expect(end).rejects.toMatchObject({ code: 'BC_PUBLISH_ABORTED' });
  expect(path.kafka.tickets).toEqual([]);
});
