import { describe, expect, test } from '@jest/globals';
import {
  bindingsOf,
  checkTopologyNames,
  queueArguments,
} from '../../../../src/adapters/rabbitmq/topology.js';
import type { AnyConsumer, RabbitmqConsumerSettings } from '../../../../src/contract/consumer.js';
import { defineConsumer } from '../../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../../src/contract/define-topic.js';
import type { RabbitmqTopicSettings } from '../../../../src/contract/topic.js';

function consumerOf(exchange: RabbitmqTopicSettings, rabbitmq: RabbitmqConsumerSettings = {}): AnyConsumer {
  const topic = defineTopic({ name: 'orders_topic', rabbitmq: exchange });
  return defineConsumer({
    name: 'orders',
    topic,
    group: 'orders-group',
    handle: () => undefined,
    rabbitmq,
  }) as AnyConsumer;
}

const byFunction = { routingKey: () => 'any' };

describe('bindings of a queue', () => {
  test.each([
    ['a topic exchange', {}, ['orders_topic']],
    ['a topic exchange with a fixed key', { routingKey: 'a.b' }, ['a.b']],
    ['a topic exchange with a function', byFunction, ['#']],
    ['a direct exchange', { type: 'direct', routingKey: 'k' }, ['k']],
    ['a fanout exchange', { type: 'fanout', ...byFunction }, ['']],
  ] as const)('follow from %s', (_, exchange, keys) => {
    expect(bindingsOf(consumerOf(exchange)).map((one) => one.key)).toEqual(keys);
  });

  test('are those that the consumer names, keys and headers', () => {
    const bindings = ['a.*', { 'x-match': 'any', kind: 'b' }];
    expect(bindingsOf(consumerOf({ exchange: 'e' }, { queue: 'q', bindings }))).toEqual([
      { queue: 'q', exchange: 'e', key: 'a.*', args: {} },
      { queue: 'q', exchange: 'e', key: '', args: { 'x-match': 'any', kind: 'b' } },
    ]);
  });

  test('have to be named for a direct exchange whose key is a function', () => {
    const consumer = consumerOf({ type: 'direct', ...byFunction });
    expect(() => bindingsOf(consumer)).toThrow(expect.objectContaining({ code: 'BC_DEFINITION_INVALID' }));
    expect(() => checkTopologyNames({ topics: [], consumers: [consumer] })).toThrow('orders');
  });
});

describe('arguments of a queue', () => {
  test.each([
    [undefined, 20],
    [50, 50],
  ])('with a delivery limit of %s declare %s', (deliveryLimit, declared) => {
    const rabbitmq = deliveryLimit === undefined ? {} : { deliveryLimit };
    expect(queueArguments(consumerOf({}, rabbitmq))['x-delivery-limit']).toBe(declared);
  });

  test('dead-letter to the queue that the consumer names', () => {
    const args = queueArguments(consumerOf({}, { deadLetterQueue: 'orders.dead' }));
    expect(args).toMatchObject({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'orders.dead' });
  });
});

describe('names of places', () => {
  test('of others may be whatever AMQP carries, ours may not', () => {
    const foreign = consumerOf(
      { exchange: 'amq.topic', existing: true },
      { queue: 'a b/c', existing: true, deadLetterQueue: 'a_b_c_dlq' },
    );
    const check = (consumer: AnyConsumer) => () =>
      checkTopologyNames({ topics: [consumer.topic], consumers: [consumer] });
    expect(check(foreign)).not.toThrow();
    const ours = consumerOf({ exchange: 'amq.topic' });
    expect(check(ours)).toThrow(expect.objectContaining({ code: 'BC_NAME_INVALID' }));
  });
});
