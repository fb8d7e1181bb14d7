import { expect, test } from '@jest/globals';
import type { AnyConsumer, ConsumerOptions } from '../../../src/contract/consumer.js';
import { changeConsumer, defineConsumer } from '../../../src/contract/define-consumer.js';
import { defineTopic, topicByName } from '../../../src/contract/define-topic.js';
import type { TopicOptions } from '../../../src/contract/topic.js';

const topic = defineTopic({ name: 'orders' });
const handle = (): void => undefined;
const required = { name: 'billing', topic, group: 'billing-group', handle };

const refused = (what: string) =>
  expect.objectContaining({ code: 'BC_DEFINITION_INVALID', message: expect.stringContaining(what) });

test('a topic has its defaults and cannot be changed', () => {
  expect(topic).toEqual({
    kind: 'topic',
    name: 'orders',
    codec: 'json',
    unroutable: 'fail',
    allowGaps: false,
    isDefined: true,
  });
  expect(Object.isFrozen(topic)).toBe(true);
  expect(topicByName('orders').isDefined).toBe(false);
});

test('an option that is undefined counts as not given', () => {
  const options = { codec: undefined, unroutable: undefined, brokers: undefined } as unknown as TopicOptions;
  expect(defineTopic({ ...options, name: 'orders' })).toEqual(topic);
  const consumer = { concurrency: undefined, retry: undefined, inbox: undefined, kafka: undefined };
  expect(defineConsumer({ ...required, ...consumer } as unknown as ConsumerOptions<unknown>)).toEqual(
    defineConsumer(required),
  );
});

test.each<[unknown, string]>([
  [undefined, 'name'],
  [{}, 'name must be'],
  [{ name: '' }, 'name must be'],
  [{ name: 'a', shema: 1 }, 'unknown option shema'],
  [{ name: 'a', schema: {} }, 'Standard Schema'],
  [{ name: 'a', key: 'user' }, 'key must be a function'],
  [{ name: 'a', codec: 'xml' }, 'codec must be "json" or "bytes"'],
  [{ name: 'a', policy: 'most' }, 'policy must be'],
  [{ name: 'a', primary: 'nats' }, 'primary must be'],
  [{ name: 'a', unroutable: 'drop' }, 'unroutable must be'],
  [{ name: 'a', allowGaps: 'yes' }, 'allowGaps must be'],
  [{ name: 'a', brokers: [] }, 'brokers is empty'],
  [{ name: 'a', brokers: 'kafka' }, 'brokers must be a list'],
  [{ name: 'a', brokers: ['kafka', 'nats'] }, 'brokers has nats'],
  [{ name: 'a', kafka: { topics: 'b' } }, 'unknown option kafka.topics; allowed: kafka.topic'],
  [{ name: 'a', kafka: null }, 'kafka must be an object'],
  [{ name: 'a', rabbitmq: { routing: 'b' } }, 'unknown option rabbitmq.routing'],
  [{ name: 'a', rabbitmq: { type: 'x-delayed' } }, 'rabbitmq.type must be'],
])('a topic from %j is refused, naming the option', (options, what) => {
  expect(() => defineTopic(options as TopicOptions)).toThrow(refused(what));
});

test('a consumer has its defaults and cannot be changed', () => {
  const consumer = defineConsumer(required);
  expect(consumer).toEqual({
    ...required,
    kind: 'consumer',
    concurrency: 16,
    ordering: 'key',
    timeoutMs: 60_000,
    invalid: 'dead-letter',
    inbox: true,
    kafka: {},
    rabbitmq: {},
    retry: {
      attempts: 3,
      backoff: { initialMs: 100, factor: 2, maxMs: 10_000, jitter: 0.2 },
      deferredMs: [],
      maxAgeMs: 86_400_000,
      never: {},
    },
  });
  expect(Object.isFrozen(consumer)).toBe(true);
});

test.each<[unknown, string]>([
  [undefined, 'name must be'],
  [{ ...required, name: 'bad name' }, 'name must be'],
  [{ ...required, name: '1st' }, 'name must be'],
  [{ ...required, topic: { name: 'orders' } }, 'topic must come from defineTopic'],
  [{ ...required, group: '' }, 'group must be'],
  [{ ...required, handle: 'handle' }, 'handle must be a function'],
  [{ ...required, concurency: 5 }, 'unknown option concurency'],
  [{ ...required, concurrency: 0 }, 'concurrency must be'],
  [{ ...required, concurrency: 1.5 }, 'concurrency must be'],
  [{ ...required, concurrency: '16' }, 'concurrency must be'],
  [{ ...required, timeoutMs: 0 }, 'timeoutMs must be'],
  [{ ...required, timeoutMs: 1_200_001 }, 'timeoutMs must be'],
  [{ ...required, ordering: 'fifo' }, 'ordering must be'],
  [{ ...required, invalid: 'ignore' }, 'invalid must be'],
  [{ ...required, inbox: 'no' }, 'inbox must be'],
  [{ ...required, retry: { attempts: 5 } }, 'unknown option retry.attempts; allowed: retry.inline'],
  [{ ...required, retry: 3 }, 'retry must be an object'],
  [{ ...required, retry: { inline: { tries: 5 } } }, 'unknown option retry.inline.tries'],
  [
    { ...required, retry: { inline: { backoff: { initial: 5 } } } },
    'unknown option retry.inline.backoff.initial',
  ],
  [{ ...required, retry: { inline: { attempts: 0 } } }, 'retry.inline.attempts must be'],
  [{ ...required, retry: { inline: { attempts: 101 } } }, 'retry.inline.attempts must be'],
  [{ ...required, retry: { inline: { backoff: { factor: 0.5 } } } }, 'factor must be'],
  [{ ...required, retry: { inline: { backoff: { jitter: 2 } } } }, 'jitter must be'],
  [{ ...required, retry: { deferred: ['5s', '5s'] } }, 'each longer than the one before'],
  [{ ...required, retry: { deferred: [0] } }, 'retry.deferred must be'],
  [{ ...required, retry: { deferred: ['soon'] } }, 'retry.deferred is "soon"'],
  [{ ...required, retry: { maxAge: 'long' } }, 'retry.maxAge is "long"'],
  [{ ...required, retry: { never: { code: [1] } } }, 'unknown option retry.never.code'],
  [{ ...required, retry: { inline: { backoff: { maxMs: -1 } } } }, 'maxMs must be'],
  [
    { ...required, retry: { inline: { attempts: 12 } } },
    'waits 52700 ms between its 12 attempts; at most 30000',
  ],
  [{ ...required, inbox: 'yes' }, 'inbox must be true, false or { transaction }'],
  [{ ...required, inbox: null }, 'inbox must be true, false or { transaction }'],
  [{ ...required, inbox: { transaction: 1 } }, 'inbox.transaction must be'],
  [{ ...required, inbox: { transactions: true } }, 'unknown option inbox.transactions'],
  [{ ...required, onDuplicate: { index: 'user_1' } }, 'onDuplicate.index must be'],
  [{ ...required, onDuplicate: { index: {} } }, 'onDuplicate.index must be'],
  [{ ...required, onDuplicate: { code: 11000 } }, 'unknown option onDuplicate.code'],
  [{ ...required, outsideWindow: 'wait' }, 'outsideWindow must be'],
  [{ ...required, kafka: { startFrom: 'now' } }, 'kafka.startFrom must be'],
  [{ ...required, kafka: { skip: ['orders/1/2', 'orders/1', 'a b/1/2'] } }, 'but has "orders/1", "a b/1/2"'],
  [{ ...required, kafka: { topic: 'x' } }, 'unknown option kafka.topic'],
  [{ ...required, rabbitmq: { deliveryLimit: 5 } }, 'rabbitmq.deliveryLimit must be'],
  [{ ...required, rabbitmq: { prefetch: 5 } }, 'unknown option rabbitmq.prefetch'],
])('a consumer is refused, naming the option (%#)', (options, what) => {
  expect(() => defineConsumer(options as ConsumerOptions<unknown>)).toThrow(refused(what));
});

test('a handler in a transaction has half a minute unless it is told otherwise', () => {
  const inbox = { transaction: true };
  expect(defineConsumer(required).timeoutMs).toBe(60_000);
  expect(defineConsumer({ ...required, inbox: { transaction: false } }).timeoutMs).toBe(60_000);
  expect(defineConsumer({ ...required, inbox }).timeoutMs).toBe(30_000);
  expect(defineConsumer({ ...required, inbox, timeoutMs: 50_000 }).timeoutMs).toBe(50_000);
});

test('the delays between inline attempts are at most 30 s together', () => {
  const withAttempts = (attempts: number, initialMs: number) => () =>
    defineConsumer({ ...required, retry: { inline: { attempts, backoff: { initialMs, factor: 1 } } } });
  expect(withAttempts(31, 1_000)).not.toThrow();
  expect(withAttempts(32, 1_000)).toThrow(refused('31000 ms'));
});

test('configuration changes what it names and leaves the rest of the definition as it is', () => {
  const consumer = defineConsumer({
    ...required,
    retry: { inline: { attempts: 5, backoff: { initialMs: 7 } } },
    rabbitmq: { queue: 'q' },
  }) as AnyConsumer;
  const changed = changeConsumer(consumer, {
    concurrency: 3,
    retry: { inline: { attempts: 2 } },
    rabbitmq: { deliveryLimit: 50 },
  });
  expect(changed).toEqual({
    ...consumer,
    concurrency: 3,
    retry: { ...consumer.retry, attempts: 2, backoff: { ...consumer.retry.backoff, initialMs: 7 } },
    rabbitmq: { queue: 'q', deliveryLimit: 50 },
  });
  expect(() => changeConsumer(consumer, { concurrency: 0 })).toThrow(refused('concurrency'));
});
