import { expect, test } from '@jest/globals';
import type { AnyConsumer, ConsumerOptions } from '../../../src/contract/consumer.js';
import { defineConsumer } from '../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../src/contract/define-topic.js';
import type { BrokerName } from '../../../src/contract/message.js';
import type { TopicOptions } from '../../../src/contract/topic.js';
import { queueOf, retryTopicOf } from '../../../src/messages/names.js';
import { checkConsumer, checkFeed, namePlaces } from '../../../src/routing/check-consumer.js';
import { checkTopic, checkTwins } from '../../../src/routing/check-topic.js';
import { gapOf, planRoute, type RouteDefaults } from '../../../src/routing/plan-route.js';
import { Routes } from '../../../src/routing/routes.js';
import { createTestPublisher } from './harness.js';

const BOTH: readonly BrokerName[] = ['kafka', 'rabbitmq'];
const DEFAULTS: RouteDefaults = { enabled: BOTH, policy: 'all' };

const plan = (topic: Partial<TopicOptions> = {}, defaults: RouteDefaults = DEFAULTS) =>
  planRoute(defineTopic({ name: 'orders', ...topic }), defaults);

const consumerOf = (options: Partial<ConsumerOptions<unknown>> & { name: string }): AnyConsumer =>
  defineConsumer({
    topic: defineTopic({ name: 'orders' }),
    group: `${options.name}-group`,
    handle: () => undefined,
    ...options,
  });

const refused = (what: string, code = 'BC_DEFINITION_INVALID') =>
  expect.objectContaining({ code, message: expect.stringContaining(what) });

test.each<[string, Partial<TopicOptions>, RouteDefaults, object]>([
  ['every enabled broker', {}, DEFAULTS, { brokers: BOTH, policy: 'all' }],
  [
    'the ones that it names',
    { brokers: ['rabbitmq'] },
    DEFAULTS,
    { brokers: ['rabbitmq'], primary: 'rabbitmq' },
  ],
  ['the order of receipts', { brokers: ['rabbitmq', 'kafka'] }, DEFAULTS, { brokers: BOTH }],
  [
    'the enabled ones of those',
    { brokers: BOTH },
    { ...DEFAULTS, enabled: ['kafka'] },
    { brokers: ['kafka'] },
  ],
  ['its own policy', { policy: 'any' }, DEFAULTS, { policy: 'any' }],
  ["the bus' policy", {}, { enabled: BOTH, policy: 'any' }, { policy: 'any' }],
  [
    'its own primary',
    { policy: 'primary', primary: 'rabbitmq' },
    { ...DEFAULTS, primary: 'kafka' },
    { primary: 'rabbitmq' },
  ],
  ["the bus' primary", { policy: 'primary' }, { ...DEFAULTS, primary: 'rabbitmq' }, { primary: 'rabbitmq' }],
  ['its only broker as primary', { policy: 'primary', brokers: ['kafka'] }, DEFAULTS, { primary: 'kafka' }],
])('a topic is published to %s', (_, topic, defaults, expected) => {
  expect(plan(topic, defaults)).toMatchObject(expected);
});

test.each<[string, Partial<TopicOptions>, RouteDefaults, string]>([
  [
    'none of its brokers is enabled',
    { brokers: ['kafka'] },
    { ...DEFAULTS, enabled: ['rabbitmq'] },
    'brokers is kafka; enabled: rabbitmq',
  ],
  ['nobody names the primary broker', { policy: 'primary' }, DEFAULTS, 'policy "primary" needs primary'],
  [
    'the primary is not among its brokers',
    { policy: 'primary', primary: 'kafka', brokers: ['rabbitmq'] },
    DEFAULTS,
    'primary is kafka, but it is published to rabbitmq',
  ],
])('a route is refused when %s', (_, topic, defaults, what) => {
  expect(() => plan(topic, defaults)).toThrow(refused(what));
});

test.each<[string, Partial<TopicOptions>, BrokerName, boolean]>([
  ['all', { policy: 'all' }, 'kafka', false],
  ['any', { policy: 'any' }, 'kafka', true],
  ['any, one broker only', { policy: 'any', brokers: ['kafka'] }, 'kafka', false],
  ['any, with gaps allowed', { policy: 'any', allowGaps: true }, 'kafka', false],
  ['primary, on the primary', { policy: 'primary', primary: 'kafka' }, 'kafka', false],
  ['primary, on the other', { policy: 'primary', primary: 'kafka' }, 'rabbitmq', true],
])('with policy %s a broker may miss messages or not', (_, topic, broker, hasGap) => {
  const route = plan(topic);
  expect(gapOf(route, broker) !== null).toBe(hasGap);
  const check = (): void =>
    checkFeed(consumerOf({ name: 'billing' }), route, { broker, setting: 'CONSUMER_BILLING_BROKER' });
  if (hasGap) expect(check).toThrow(refused('set allowGaps: true'));
  else expect(check).not.toThrow();
});

test('a consumer that is fed by a broker which its topic does not reach is refused, naming both settings', () => {
  const feed = { broker: 'rabbitmq' as const, setting: 'CONSUMER_BILLING_BROKER' };
  expect(() => checkFeed(consumerOf({ name: 'billing' }), plan({ brokers: ['kafka'] }), feed)).toThrow(
    refused(
      'CONSUMER_BILLING_BROKER says rabbitmq, but its topic "orders" is published to kafka (topics.orders.brokers)',
    ),
  );
});

const present = consumerOf({ name: 'present', group: 'shared' });

test.each<[string, AnyConsumer, string]>([
  ['has a name that is taken', consumerOf({ name: 'present', group: 'other' }), 'another one of this name'],
  [
    'shares group and topic, and so the queue',
    consumerOf({ name: 'b', group: 'shared' }),
    'share the queue "shared"',
  ],
  [
    'shares a group on one topic',
    consumerOf({ name: 'b', group: 'shared', rabbitmq: { queue: 'other' } }),
    'share the group "shared" on one topic with "present"',
  ],
  [
    'shares a queue',
    consumerOf({ name: 'b', rabbitmq: { queue: 'shared' } }),
    'share the queue "shared" with "present"',
  ],
  [
    'sends its dead letters to its own topic',
    consumerOf({ name: 'b', kafka: { deadLetterTopic: 'orders' } }),
    'its own topic',
  ],
  [
    'sends its dead letters to its own queue',
    consumerOf({ name: 'b', rabbitmq: { deadLetterQueue: 'b-group' } }),
    'the dead-letter queue of "b" is the queue of "b"',
  ],
  [
    'has a queue that another sends its dead letters to',
    consumerOf({ name: 'b', group: 'shared_dlq' }),
    'the dead-letter queue of "present" is the queue of "b"',
  ],
  [
    'has the retry topics of another',
    consumerOf({ name: 'b', kafka: { retryPrefix: 'shared' } }),
    'share retry topics ("shared_retry_0s") with "present"',
  ],
])('a consumer that %s is refused, naming both', (_, consumer, what) => {
  expect(() => checkConsumer(consumer, [present], BOTH)).toThrow(refused(what));
});

test('an existing dead-letter queue can be looked through by a consumer of its own', () => {
  const reader = consumerOf({
    name: 'reader',
    topic: defineTopic({ name: 'letters' }),
    rabbitmq: { queue: 'shared_dlq', existing: true },
  });
  expect(() => checkConsumer(reader, [present], BOTH)).not.toThrow();
});

test.each<[string, AnyConsumer, readonly BrokerName[], string | null]>([
  ['group', consumerOf({ name: 'b', group: 'a b' }), BOTH, 'group of consumer "b" "a b"'],
  ['queue', consumerOf({ name: 'b', rabbitmq: { queue: 'a#b' } }), BOTH, 'queue of consumer'],
  [
    'queue where RabbitMQ has no part',
    consumerOf({ name: 'b', rabbitmq: { queue: 'a#b' } }),
    ['kafka'],
    null,
  ],
  [
    'existing queue',
    consumerOf({ name: 'b', rabbitmq: { queue: 'a#b', existing: true, deadLetterQueue: 'x' } }),
    BOTH,
    null,
  ],
  [
    'derived dead-letter queue',
    consumerOf({ name: 'b', group: 'g'.repeat(246) }),
    BOTH,
    'dead-letter queue of consumer "b"',
  ],
  [
    'dead-letter topic',
    consumerOf({ name: 'b', kafka: { deadLetterTopic: '..' } }),
    BOTH,
    'dead-letter topic of consumer',
  ],
  [
    'derived retry topic',
    consumerOf({ name: 'b', kafka: { retryPrefix: 'g'.repeat(241) }, retry: { deferred: ['30s'] } }),
    ['kafka'],
    'retry topic of consumer',
  ],
])('an illegal name of a %s is refused where it would be made', (_, consumer, brokers, what) => {
  const check = (): void => checkConsumer(consumer, [], brokers);
  if (what === null) expect(check).not.toThrow();
  else expect(check).toThrow(refused(what, 'BC_NAME_INVALID'));
});

test.each<[string, Partial<TopicOptions>, readonly BrokerName[], boolean]>([
  ['a space', { name: 'a b' }, BOTH, true],
  ['dots only', { name: '..' }, ['kafka'], true],
  [
    'a space, mapped on both',
    { name: 'a b', kafka: { topic: 'a' }, rabbitmq: { exchange: 'a' } },
    BOTH,
    false,
  ],
  ['a space, existing on RabbitMQ only', { name: 'a b', rabbitmq: { existing: true } }, ['rabbitmq'], false],
  ['amq., existing', { name: 'a', rabbitmq: { exchange: 'amq.topic', existing: true } }, BOTH, false],
  ['amq., to be made', { name: 'a', rabbitmq: { exchange: 'amq.mine' } }, BOTH, true],
])('a topic whose name has %s is refused or not', (_, topic, brokers, isRefused) => {
  const check = (): void => checkTopic(plan(topic, { enabled: brokers, policy: 'all' }));
  if (isRefused) expect(check).toThrow(expect.objectContaining({ code: 'BC_NAME_INVALID' }));
  else expect(check).not.toThrow();
});

test('names that Kafka holds equal are refused, equal ones are not', () => {
  expect(() => checkTwins(['a.b', 'c', 'a_b'])).toThrow(refused('"a.b" and "a_b" equal', 'BC_NAME_INVALID'));
  expect(() => checkTwins(['a.b', 'a.b', 'A.B'])).not.toThrow();
});

test('the first topic of a group keeps the plain names of queue and retry topics, further ones get their own', () => {
  const first = namePlaces(consumerOf({ name: 'a', group: 'g' }), []);
  const second = namePlaces(consumerOf({ name: 'b', group: 'g', topic: defineTopic({ name: 'users' }) }), [
    first,
  ]);
  const third = namePlaces(
    consumerOf({ name: 'c', group: 'g', topic: defineTopic({ name: 'mails' }), rabbitmq: { queue: 'mine' } }),
    [first, second],
  );
  expect([first, second, third].map(queueOf)).toEqual(['g', 'g_users', 'mine']);
  const places = [first, second, third].map((one) => retryTopicOf(one, 5_000));
  expect(places).toEqual(['g_retry_5s', 'g_users_retry_5s', 'g_mails_retry_5s']);
});

/** Routes to publishers that count. */
function createRoutes(topics: Parameters<typeof defineTopic>[0][] = []) {
  let opened = 0;
  const port = {
    publisher: () => {
      opened += 1;
      return createTestPublisher().publisher;
    },
  };
  const definitions = topics.map((options) => defineTopic(options));
  const routes = new Routes({
    topics: definitions,
    ports: new Map(BOTH.map((name) => [name, port as never])),
    epochMs: () => 0,
    plan: (topic) => planRoute(Object.freeze({ ...topic }), DEFAULTS), // as configuration does: another object
  });
  return { routes, definitions, opened: () => opened };
}

test('a route is opened once, for the definition and its name alike', () => {
  const { routes, definitions, opened } = createRoutes([{ name: 'orders' }]);
  const [orders] = definitions;
  const route = routes.of('orders');
  expect(routes.of(orders as never)).toBe(route);
  expect(routes.of(route.topic)).toBe(route);
  expect(opened()).toBe(2); // one per broker
});

test('a second definition of one name is refused, wherever it turns up', () => {
  const { routes } = createRoutes([{ name: 'orders' }]);
  const twin = defineTopic({ name: 'orders' });
  expect(() => routes.planOf(twin)).toThrow(refused('Topic "orders" is defined twice'));
  expect(() => routes.of(twin)).toThrow(refused('Topic "orders" is defined twice'));
});

test('a topic that was published to by name gets schema and key once it is defined', () => {
  const { routes } = createRoutes();
  expect(routes.of('orders').topic.isDefined).toBe(false);
  const orders = defineTopic({ name: 'orders', key: () => 'k' });
  routes.planOf(orders);
  expect(routes.of('orders').topic.key).toBe(orders.key);
});

test('two topics that Kafka holds equal are refused as soon as both are known', () => {
  expect(() => createRoutes([{ name: 'a.b' }, { name: 'a_b' }])).toThrow(refused('equal', 'BC_NAME_INVALID'));
  expect(() => createRoutes([{ name: 'a.b' }, { name: 'a_b', brokers: ['rabbitmq'] }])).not.toThrow();
});

test.each([undefined, null, 42, {}, { name: 'orders' }])('%j is no topic', (topic) => {
  const { routes } = createRoutes();
  expect(() => routes.of(topic as never)).toThrow(refused('no name and no definition', 'BC_MESSAGE_INVALID'));
  expect(() => routes.planOf(topic as never)).toThrow(refused('must come from defineTopic'));
});

test('names that a caller makes up do not fill the memory', () => {
  const { routes, opened } = createRoutes();
  for (let index = 0; index < 10_010; index += 1) routes.of(`topic_${index}`);
  const before = opened();
  routes.of('topic_0');
  expect(opened()).toBe(before);
  routes.of('topic_10009');
  expect(opened()).toBe(before + 2);
});
