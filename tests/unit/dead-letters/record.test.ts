import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { HeaderValue, IncomingMessage, Position } from '../../../src/contract/message.js';
import type { Failure } from '../../../src/dead-letters/failure.js';
import { cutToBytes, deadLetterOf } from '../../../src/dead-letters/record.js';
import { copyHeaders } from '../../../src/messages/headers.js';

const KAFKA: Position = { broker: 'kafka', topic: 'orders_v1', partition: 3, offset: '9007199254740993' };
const RABBITMQ: Position = {
  broker: 'rabbitmq',
  queue: 'billing',
  exchange: 'orders',
  routingKey: 'orders.new',
};

function incomingOf(
  position: Position,
  headers: Readonly<Record<string, HeaderValue>> = {},
  rest: Partial<IncomingMessage> = {},
): IncomingMessage {
  return {
    id: 'one',
    key: 'user-1',
    body: Buffer.from('{"n":1}'),
    headers: copyHeaders(headers),
    contentType: 'application/json',
    timestampMs: 1_700_000_000_000,
    position,
    isRedelivered: false,
    ...rest,
  };
}

function failureOf(error: unknown = new TypeError('no such account'), rest: Partial<Failure> = {}): Failure {
  return {
    reason: 'attempts',
    consumer: 'billing',
    error,
    attempt: 3,
    failedAtMs: 1_700_000_000_500,
    ...rest,
  };
}

const letterOf = (incoming: IncomingMessage, failure = failureOf(), maxBytes?: number) =>
  deadLetterOf({ incoming, id: 'one', topic: 'orders' }, failure, maxBytes);

const COMMON = {
  'bc-id': 'one',
  'bc-key': 'user-1',
  'original-topic': 'orders',
  'failed-at': '2023-11-14T22:13:20.500Z',
  'failed-consumer': 'billing',
  'bc-reason': 'attempts',
  'bc-attempt': '3',
  'error-type': 'TypeError',
  'error-message': 'no such account',
};

test('a letter from Kafka says everything that the record has', () => {
  const { 'error-stack': stack, ...headers } = letterOf(incomingOf(KAFKA, { trace: 'abc' })).headers;
  expect(headers).toEqual({
    ...COMMON,
    trace: 'abc',
    'original-partition': '3',
    'original-offset': '9007199254740993',
  });
  expect(stack).toMatch(/^TypeError: no such account\n {4}at /);
});

test('a letter from RabbitMQ says everything that the record has', () => {
  const { 'error-stack': _, ...headers } = letterOf(
    incomingOf(RABBITMQ, { raw: Buffer.from([255]) }),
  ).headers;
  expect(headers).toEqual({
    ...COMMON,
    raw: Buffer.from([255]),
    'original-exchange': 'orders',
    'original-routing-key': 'orders.new',
    'original-queue': 'billing',
  });
});

test('body, key and content type are those of the original, the time is that of the copy', () => {
  const incoming = incomingOf(KAFKA);
  expect(letterOf(incoming)).toMatchObject({
    id: 'one',
    key: 'user-1',
    body: incoming.body,
    contentType: 'application/json',
    timestampMs: 1_700_000_000_500,
  });
  expect(letterOf(incomingOf(KAFKA, {}, { body: null, key: null, contentType: null }))).toMatchObject({
    body: null,
    key: null,
    contentType: 'application/octet-stream',
  });
});

test("headers of a broker's own dead-lettering and routing are not republished; the rest is, typed", () => {
  const foreign = {
    count: 7,
    big: 2n ** 60n,
    none: null,
    flag: true,
    table: { list: [1, 'two', Buffer.from('3')] },
  };
  const { headers } = letterOf(
    incomingOf(RABBITMQ, {
      ...foreign,
      'x-death': [{ count: 1 }],
      'x-first-death-queue': 'q',
      'x-last-death-reason': 'expired',
      'x-delivery-count': 3,
      CC: ['other.queue'],
      BCC: ['other.queue'],
    }),
  );
  expect(headers).toMatchObject(foreign);
  for (const name of [
    'x-death',
    'x-first-death-queue',
    'x-last-death-reason',
    'x-delivery-count',
    'CC',
    'BCC',
  ]) {
    expect(headers).not.toHaveProperty(name);
  }
});

test('what an earlier letter or a spoofer said of origin and failure does not stay', () => {
  const { headers } = letterOf(
    incomingOf(KAFKA, {
      'original-queue': 'elsewhere',
      'original-topic': 'old',
      'bc-reason': 'poison',
      'bc-id': 'spoofed',
    }),
  );
  expect(headers).toMatchObject(COMMON);
  expect(headers).not.toHaveProperty('original-queue');
});

test('a header named like a prototype property stays a plain header', () => {
  const raw = JSON.parse('{"__proto__":"evil"}') as Record<string, string>;
  const { headers } = letterOf(incomingOf(KAFKA, raw));
  expect(Object.getPrototypeOf(headers)).toBeNull();
  expect(Object.getOwnPropertyDescriptor(headers, '__proto__')?.value).toBe('evil');
});

test('secrets in error texts are masked, in the stack too', () => {
  const error = new Error('connect amqp://admin:hunter2@broker/vhost failed, password="hunter2"');
  error.name = 'Error token=hunter2';
  const { headers } = letterOf(incomingOf(KAFKA), failureOf(error));
  expect(JSON.stringify(headers)).not.toContain('hunter2');
  expect(headers['error-message']).toContain('***');
});

test.each([
  ['undefined', undefined, 'undefined', 'a thrown undefined'],
  ['null', null, 'object', 'a thrown null'],
  ['a string', 'plain text', 'string', 'plain text'],
  ['a frozen object', Object.freeze({ a: 1 }), 'object', 'a thrown object'],
  ['an error without a text', new RangeError(''), 'RangeError', 'RangeError'],
])('%s that was thrown is described', (_, thrown, type, text) => {
  expect(letterOf(incomingOf(KAFKA), failureOf('', { error: thrown })).headers).toMatchObject({
    'error-type': type,
    'error-message': text,
  });
});

/** Bytes of all headers that are ours. */
function ourBytes(headers: Readonly<Record<string, HeaderValue>>): number {
  return Object.entries(headers).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value as string),
    0,
  );
}

test('the stack is cut at 2 KiB and all of ours stays below 16 KiB, whatever is thrown', () => {
  const error = new Error('ü'.repeat(1_000_000));
  error.name = '€'.repeat(5_000);
  error.stack = '😀'.repeat(1_000_000);
  const longNames: Position = {
    broker: 'rabbitmq',
    queue: 'q'.repeat(255),
    exchange: 'e'.repeat(255),
    routingKey: 'r'.repeat(255),
  };
  const incoming = incomingOf(longNames, {}, { key: 'k'.repeat(1_000_000) });
  const { headers } = deadLetterOf(
    { incoming, id: 'i'.repeat(255), topic: 't'.repeat(249) },
    failureOf(error),
  );
  expect(Buffer.byteLength(headers['error-stack'] as string)).toBeLessThanOrEqual(2_048);
  expect(Buffer.byteLength(headers['error-message'] as string)).toBeLessThanOrEqual(4_096);
  expect(ourBytes(headers)).toBeLessThan(16_384);
});

test('texts are cut on a character border, never longer than asked', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, maxBytes) => {
      const cut = cutToBytes(text, maxBytes);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
      if (cut === text) return;
      expect(cut).not.toContain('\ufffd');
      expect(text.startsWith(cut.slice(0, -1))).toBe(true);
    }),
  );
});

/** Bytes of a letter as its place counts them. */
const sizeOf = ({ body, key, headers }: ReturnType<typeof letterOf>): number =>
  (body?.length ?? 0) + Buffer.byteLength(key ?? '') + ourBytes(headers);

test('a letter shrinks to what its place takes: the stack first, then the message', () => {
  const incoming = incomingOf(KAFKA, {}, { body: Buffer.alloc(100_000) });
  const failure = failureOf(new Error('m'.repeat(3_000)));
  const whole = letterOf(incoming, failure);
  const full = sizeOf(whole);
  for (let less = 1; less <= 5_000; less += 97) {
    const letter = letterOf(incoming, failure, full - less);
    expect(sizeOf(letter)).toBeLessThanOrEqual(full - less);
    const isStackGone = letter.headers['error-stack'] === '';
    if (!isStackGone) expect(letter.headers['error-message']).toBe(whole.headers['error-message']);
    expect(letter.body).toBe(incoming.body);
  }
});

test('a letter that cannot be small enough still keeps body, origin and reason', () => {
  const { headers, body } = letterOf(incomingOf(KAFKA), failureOf(), 10);
  expect(body?.toString()).toBe('{"n":1}');
  expect(headers).toMatchObject({
    'bc-reason': 'attempts',
    'original-topic': 'orders',
    'error-stack': '',
    'error-message': '',
  });
});
