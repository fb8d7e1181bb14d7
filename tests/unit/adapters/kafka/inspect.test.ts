import { expect, test } from '@jest/globals';
import { boundInspector } from '../../../../src/adapters/kafka/bound-inspector.js';
import type { InspectClient, NewTopic } from '../../../../src/adapters/kafka/driver.js';
import { inspectTopology } from '../../../../src/adapters/kafka/inspect.js';
import type { AnyConsumer } from '../../../../src/contract/consumer.js';
import { defineConsumer } from '../../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../../src/contract/define-topic.js';
import { createFakeClock } from '../../../../src/testing/fake-clock.js';

const topic = defineTopic({ name: 'orders' });
const consumer = defineConsumer({
  name: 'billing',
  topic,
  group: 'billing',
  handle: () => {},
}) as AnyConsumer;
const TOPOLOGY = { topics: [topic], consumers: [consumer] };

const ALL = new Set(['READ', 'WRITE', 'DESCRIBE']);

/** A cluster of five nodes; topics that are asked for and not named here are missing. */
function clientOf(changes: Partial<InspectClient> = {}) {
  const validated: NewTopic[] = [];
  const client: InspectClient = {
    version: async () => '4.0 or later',
    nodeCount: async () => 5,
    nodeSettings: async () => new Map(),
    topicSettings: async () => new Map([['max.message.bytes', '2000000']]),
    topic: async (name) =>
      name === 'orders'
        ? { partitions: [{ partition: 0, leader: 1, replicas: 3, inSync: 3 }], operations: ALL }
        : null,
    validate: async (one) => void validated.push(one),
    groupOperations: async () => ALL,
    close: () => {},
    ...changes,
  };
  return { client, validated };
}

const inspect = (client: InspectClient) => inspectTopology({ client, sessionTimeoutMs: 30_000 }, TOPOLOGY);

test('asks for what is missing just as the bus would create it', async () => {
  const { client, validated } = clientOf();
  const { topics } = await inspect(client);
  expect(topics.map(({ name, creation }) => [name, creation])).toEqual([
    ['orders', null],
    ['orders_dlt', { status: 'seen', value: true }],
    ['billing_retry_0s', { status: 'seen', value: true }],
  ]);
  // As many partitions as the topic has, and room for its largest message and our headers.
  expect(validated).toMatchObject([
    { topic: 'orders_dlt', partitions: 1, replicationFactor: 3, config: { 'max.message.bytes': '2065536' } },
    { topic: 'billing_retry_0s', partitions: 1, replicationFactor: 3 },
  ]);
});

test('a question that is left open is given up, and the others are answered', async () => {
  const clock = createFakeClock();
  const { client } = clientOf({ groupOperations: () => new Promise(() => {}) });
  const looking = inspect(boundInspector(client, clock));
  await clock.advance(3_000);
  const { groups, topics } = await looking;
  expect(groups).toMatchObject([{ operations: { status: 'unknown' } }]);
  expect(topics).toHaveLength(3);
});

test('a refused question is told with its reason', async () => {
  const refusal = Object.assign(new Error('Not yours'), {
    name: 'KafkaJSProtocolError',
    type: 'TOPIC_AUTHORIZATION_FAILED',
  });
  const { client } = clientOf({ topicSettings: async () => Promise.reject(refusal) });
  const { topics } = await inspect(client);
  expect(topics[0]?.state).toMatchObject({
    value: {
      settings: {
        error: {
          code: 'BC_PERMISSION',
          message: expect.stringContaining('The settings of the topic "orders" are not shown: Not yours.'),
        },
      },
    },
  });
});

test('a cluster that does not answer at all rejects', async () => {
  const { client } = clientOf({ nodeCount: async () => Promise.reject(new Error('gone')) });
  await expect(inspect(client)).rejects.toMatchObject({ code: 'BC_BROKER_UNAVAILABLE' });
});
