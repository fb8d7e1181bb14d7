import { expect, test } from '@jest/globals';
import { defineConsumer } from '../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../src/contract/define-topic.js';
import {
  checkName,
  deadLetterQueueOf,
  deadLetterTopicOf,
  exchangeOf,
  kafkaTopicOf,
  queueOf,
  twinKeyOf,
} from '../../../src/messages/names.js';

const handle = (): void => undefined;

test('places are named after topic and group', () => {
  const topic = defineTopic({ name: 'feature_usage_topic' });
  const consumer = defineConsumer({ name: 'c', topic, group: 'zaaz-server-feature-usage-group', handle });
  expect([
    kafkaTopicOf(topic),
    exchangeOf(topic),
    queueOf(consumer),
    deadLetterTopicOf(consumer),
    deadLetterQueueOf(consumer),
  ]).toEqual([
    'feature_usage_topic',
    'feature_usage_topic',
    'zaaz-server-feature-usage-group',
    'feature_usage_topic_dlt',
    'zaaz-server-feature-usage-group_dlq',
  ]);
});

test('mapped names are used as they are, also in derived ones', () => {
  const topic = defineTopic({
    name: 't',
    kafka: { topic: 'old.topic' },
    rabbitmq: { exchange: 'old exchange' },
  });
  const consumer = defineConsumer({ name: 'c', topic, group: 'g', handle, rabbitmq: { queue: 'old.queue' } });
  expect([exchangeOf(topic), deadLetterTopicOf(consumer), deadLetterQueueOf(consumer)]).toEqual([
    'old exchange',
    'old.topic_dlt',
    'old.queue_dlq',
  ]);
});

test.each(['a', 'A.b_c-9', 'x'.repeat(249), '...'])('%s is a legal name', (name) => {
  expect(() => checkName(name, 'topic')).not.toThrow();
});

test.each([
  ['', 'is empty'],
  ['.', 'is not a name'],
  ['..', 'is not a name'],
  ['a b', 'characters'],
  ['a\nb', 'characters'],
  ['a#', 'characters'],
  ['ü', 'characters'],
  ['x'.repeat(250), '250 characters'],
  ['amq.topic', 'amq.'],
])('%j is refused, saying why', (name, why) => {
  expect(() => checkName(name, 'topic')).toThrow(
    expect.objectContaining({ code: 'BC_NAME_INVALID', message: expect.stringContaining(why) }),
  );
});

test('an error shows a long or odd name shortened and escaped', () => {
  expect(() => checkName(`${'x'.repeat(5_000)}\n`, 'queue')).toThrow(/^The queue "x{60}…" has 5001/);
  expect(() => checkName('a\u001b[31m', 'queue')).toThrow(/"a\\u001b\[31m"/);
});

test('names that Kafka holds equal share a twin key', () => {
  expect(twinKeyOf('a.b_c')).toBe(twinKeyOf('a_b.c'));
  expect(twinKeyOf('a.b')).not.toBe(twinKeyOf('ab'));
});
