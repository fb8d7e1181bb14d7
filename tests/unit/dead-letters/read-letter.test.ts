import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { HeaderValue, IncomingMessage, Position } from '../../../src/contract/message.js';
import { readLetter } from '../../../src/dead-letters/read-letter.js';
import { deadLetterOf } from '../../../src/dead-letters/record.js';
import { applicationFrameOf, withoutCallers } from '../../../src/dead-letters/stack-frame.js';
import { copyHeaders } from '../../../src/messages/headers.js';

const KAFKA: Position = { broker: 'kafka', topic: 'orders_v1', partition: 3, offset: '9007199254740993' };
const RABBITMQ: Position = { broker: 'rabbitmq', queue: 'billing', exchange: 'orders', routingKey: 'new' };
const PLACE = { consumer: 'billing', topic: 'orders' };

function messageIn(
  position: Position,
  headers: Readonly<Record<string, HeaderValue>> = {},
  id: string | null = 'one',
): IncomingMessage {
  return {
    id,
    key: null,
    body: Buffer.from('{}'),
    headers: copyHeaders(headers),
    contentType: null,
    timestampMs: null,
    position,
    isRedelivered: false,
  };
}

/** A letter of ours as it is read back from its place. */
function letterFrom(position: Position, headers: Readonly<Record<string, HeaderValue>> = {}) {
  const error = Object.assign(new TypeError('no such account'), {
    stack: 'TypeError: no such account\n    at send (/app/src/mail.js:3:9)',
  });
  const failure = {
    reason: 'attempts',
    consumer: 'billing',
    error,
    attempt: 3,
    failedAtMs: 1_700_000_000_500,
  } as const;
  const incoming = messageIn(position, headers);
  const letter = deadLetterOf({ incoming, id: 'one', topic: 'orders' }, failure);
  const place: Position =
    position.broker === 'kafka'
      ? { broker: 'kafka', topic: 'orders_v1_dlt', partition: 0, offset: '1' }
      : { broker: 'rabbitmq', queue: 'billing_dlq', exchange: '', routingKey: 'billing_dlq' };
  return readLetter(messageIn(place, letter.headers), PLACE);
}

const OWN = {
  id: 'one',
  consumer: 'billing',
  reason: 'attempts',
  failedAtMs: 1_700_000_000_500,
  error: { type: 'TypeError', message: 'no such account', frame: 'send (/app/src/mail.js:3:9)' },
  attempts: 3,
  replayCount: 0,
  isNative: false,
};

test('a letter from Kafka is read as it was written', () => {
  expect(letterFrom(KAFKA)).toEqual({
    ...OWN,
    origin: {
      topic: 'orders',
      partition: 3,
      offset: '9007199254740993',
      exchange: null,
      routingKey: null,
      queue: null,
    },
  });
});

test('a letter from RabbitMQ is read as it was written, also when its message came back from a retry queue', () => {
  const death = [{ reason: 'expired', queue: 'billing_retry_5s', count: 1 }];
  expect(letterFrom(RABBITMQ, { 'x-death': death, 'bc-replay-count': '2' })).toEqual({
    ...OWN,
    replayCount: 2,
    origin: {
      topic: 'orders',
      partition: null,
      offset: null,
      exchange: 'orders',
      routingKey: 'new',
      queue: 'billing',
    },
  });
});

const nativeLetter = (reason: string, more: Readonly<Record<string, HeaderValue>> = {}): IncomingMessage =>
  messageIn(
    { ...RABBITMQ, queue: 'billing_dlq' },
    {
      'x-death': [
        {
          reason,
          queue: 'billing',
          exchange: 'orders',
          'routing-keys': ['new', 'more'],
          count: 1,
          time: { '!': 'timestamp', value: 1_700_000_000 },
        },
        { reason: 'expired', queue: 'billing_retry_5s', count: 4 },
      ],
      ...more,
    },
  );

test.each([
  ['delivery_limit', 'poison'],
  ['expired', 'expired'],
  ['rejected', 'rejected'],
  ['maxlen', 'rejected'],
  ['something new', 'rejected'],
])('what RabbitMQ gave up with "%s" is %s, by its latest death', (word, reason) => {
  expect(readLetter(nativeLetter(word), PLACE)).toEqual({
    id: 'one',
    consumer: 'billing',
    reason,
    failedAtMs: 1_700_000_000_000,
    origin: {
      topic: 'orders',
      partition: null,
      offset: null,
      exchange: 'orders',
      routingKey: 'new',
      queue: 'billing',
    },
    error: { type: null, message: `RabbitMQ gave it up: ${word}.`, frame: null },
    attempts: null,
    replayCount: 0,
    isNative: true,
  });
});

test('the end of an earlier life counts less than the death of the last one', () => {
  const earlier = { 'bc-reason': 'attempts', 'failed-consumer': 'mail', 'bc-replay-count': '1' };
  expect(readLetter(nativeLetter('delivery_limit', earlier), PLACE)).toMatchObject({
    consumer: 'billing',
    reason: 'poison',
    replayCount: 1,
    isNative: true,
  });
});

test('on Kafka a header of that name is nobody’s death', () => {
  const { headers } = nativeLetter('expired');
  expect(readLetter(messageIn(KAFKA, headers), PLACE)).toMatchObject({ consumer: null, isNative: false });
});

test('what somebody else put there is shown without what it does not say', () => {
  expect(
    readLetter(messageIn(RABBITMQ, { 'bc-reason': 'because', 'failed-at': 'soon' }, null), PLACE),
  ).toEqual({
    id: null,
    consumer: null,
    reason: null,
    failedAtMs: null,
    origin: { topic: null, partition: null, offset: null, exchange: null, routingKey: null, queue: null },
    error: { type: null, message: null, frame: null },
    attempts: null,
    replayCount: 0,
    isNative: false,
  });
});

test('reading never throws, whatever the headers hold', () => {
  const names = fc.constantFrom(
    'x-death',
    'bc-reason',
    'failed-at',
    'bc-attempt',
    'error-stack',
    '__proto__',
  );
  const death = fc.record(
    { reason: fc.anything(), time: fc.anything(), queue: fc.anything(), 'routing-keys': fc.anything() },
    { noNullPrototype: false },
  );
  const value = fc.oneof(fc.anything(), fc.array(death));
  fc.assert(
    fc.property(fc.dictionary(names, value), (headers) => {
      readLetter(messageIn(RABBITMQ, headers as Record<string, HeaderValue>), PLACE);
    }),
  );
});

test('the frame is the first of the application, else the first of all', () => {
  const foreign = 'read (node:internal/fs:1:2)';
  const packaged = 'Client.call (/app/node_modules/pg/client.js:5:6)';
  const stack = `Error: at home\n    at ${foreign}\n    at ${packaged}`;
  expect(applicationFrameOf(`${stack}\n    at async handle (/app/src/a.js:7:8)\n    at /app/b.js:1:1`)).toBe(
    'async handle (/app/src/a.js:7:8)',
  );
  expect(applicationFrameOf(stack)).toBe(foreign);
  expect(applicationFrameOf('Error: none')).toBeNull();
  expect(applicationFrameOf('')).toBeNull();
});

test('a stack ends above the frame that calls the handler, so that it does not tell which adapter delivered', () => {
  const own =
    'Error: no\n    at charge (/app/src/delivery/work.ts:7:8)\n    at async Work.pay (/app/pay.js:1:2)';
  const handler =
    '    at HandlerRun.handle [as start] (/app/node_modules/buscoupler/dist/esm/delivery/handler-run.js:98:37)';
  const adapter =
    '    at EmbeddedLeg.deliver (/app/node_modules/buscoupler/dist/esm/adapters/memory/leg.js:51:22)';
  expect(withoutCallers(`${own}\n${handler}\n${adapter}`)).toBe(own);
  const work =
    '    at Work.#attempt (C:\\app\\node_modules\\buscoupler\\dist\\cjs\\delivery\\work.js:157:34)';
  expect(withoutCallers(`Error: expired\n${work}\n${adapter}`)).toBe('Error: expired');
  for (const stack of [own, adapter, '']) expect(withoutCallers(stack)).toBe(stack);
});
