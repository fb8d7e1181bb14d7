import { expect, test } from '@jest/globals';
import { BuscouplerError, type ErrorCode } from '../../../src/contract/errors.js';
import type { Look, QueueInspection } from '../../../src/contract/inspection.js';
import { judge } from '../../../src/preflight/judge.js';
import { CONTEXT, exchange, idsOf, management, node, queue, queues, seen } from './facts.js';

const unknown = (code: ErrorCode): Look<never> => ({
  status: 'unknown',
  error: new BuscouplerError(code, 'RabbitMQ says no.'),
});

const GOOD = { 'x-queue-type': 'quorum', 'x-delivery-limit': 20, 'x-dead-letter-exchange': '' };

/** A queue of somebody else with these arguments. */
const foreign = (args: object, details: Parameters<typeof queue>[1] = {}): Partial<QueueInspection> => ({
  queues: [queue({ isOurs: false, mustMatch: false }, { arguments: { ...args }, ...details })],
});
const own = (...given: Parameters<typeof queue>): Partial<QueueInspection> => ({ queues: [queue(...given)] });
const letters = (args: object, mustMatch = false): Partial<QueueInspection> =>
  own({ purpose: 'dead-letter', mustMatch }, { arguments: { ...args } });

test('a good server has no findings but its version and what nobody can see', () => {
  expect(idsOf('rabbitmq', queues())).toEqual([]);
  expect(judge('rabbitmq', queues(), CONTEXT).map(({ id }) => id)).toEqual([
    'rabbitmq-version',
    'rabbitmq-server-limits',
  ]);
  expect(idsOf('rabbitmq', queues(foreign(GOOD)))).toEqual([]);
});

test.each<[string, Partial<QueueInspection>]>([
  ['rabbitmq-version-old', { version: '3.9.29' }],
  ['rabbitmq-management-not-set', { management: null, queues: [queue({ details: null })] }],
  ['rabbitmq-management-failed', { management: unknown('BC_AUTHENTICATION') }],
  ['rabbitmq-management-failed', { management: management({ permissions: unknown('BC_PERMISSION') }) }],
  ['rabbitmq-management-failed', { management: management({ nodes: unknown('BC_PERMISSION') }) }],
  ['rabbitmq-management-failed', own({ details: unknown('BC_PERMISSION') })],
  ['rabbitmq-few-nodes', { management: management({ nodes: seen([node('a')]) }) }],
  [
    'rabbitmq-node-down',
    { management: management({ nodes: seen([node('a'), node('b'), node('c', { isRunning: false })]) }) },
  ],
  [
    'rabbitmq-alarm',
    { management: management({ nodes: seen([node('a', { hasMemoryAlarm: true }), node('b'), node('c')]) }) },
  ],
  [
    'rabbitmq-alarm',
    { management: management({ nodes: seen([node('a', { hasDiskAlarm: true }), node('b'), node('c')]) }) },
  ],
  [
    'rabbitmq-partitioned',
    { management: management({ nodes: seen([node('a', { partitions: ['b'] }), node('b'), node('c')]) }) },
  ],
  ['clock-skew', { management: management({ clockAheadMs: 60_000 }) }],
  ['clock-skew', { management: management({ clockAheadMs: -60_000 }) }],
  ['place-missing', { exchanges: [exchange({ isOurs: false, isThere: seen(false), details: null })] }],
  ['place-will-be-created', { exchanges: [exchange({ isThere: seen(false), details: null })] }],
  ['place-not-shown', { exchanges: [exchange({ isThere: unknown('BC_BROKER_UNAVAILABLE') })] }],
  ['rabbitmq-permission', { exchanges: [exchange({ isThere: unknown('BC_PERMISSION') })] }],
  ['rabbitmq-management-failed', { exchanges: [exchange({ details: unknown('BC_PERMISSION') })] }],
  [
    'rabbitmq-exchange-type',
    { exchanges: [exchange({ details: seen({ type: 'fanout', isDurable: true, alternate: null }) })] },
  ],
  [
    'rabbitmq-not-durable',
    { exchanges: [exchange({ details: seen({ type: 'topic', isDurable: false, alternate: null }) })] },
  ],
  [
    'rabbitmq-alternate-exchange',
    { exchanges: [exchange({ details: seen({ type: 'topic', isDurable: true, alternate: 'lost' }) })] },
  ],
  ['place-missing', own({ isOurs: false, isThere: seen(false), details: null })],
  ['place-will-be-created', own({ isThere: seen(false), details: null })],
  ['place-not-shown', own({ isThere: unknown('BC_BROKER_UNAVAILABLE') })],
  ['rabbitmq-permission', own({ isThere: unknown('BC_PERMISSION') })],
  ['rabbitmq-policy-not-shown', own({}, { policy: null })],
  ['rabbitmq-queue-arguments', own({}, { arguments: {}, type: 'classic' })],
  ['rabbitmq-queue-arguments', own({}, { arguments: { ...queue().declared, 'x-max-length': 5 } })],
  ['rabbitmq-not-durable', own({}, { isDurable: false })],
  ['rabbitmq-not-durable', own({}, { isAutoDelete: true })],
  ['rabbitmq-not-durable', own({}, { isExclusive: true })],
  ['rabbitmq-queue-classic', foreign({ 'x-dead-letter-exchange': '' }, { type: 'classic' })],
  ['rabbitmq-delivery-limit-low', foreign({ ...GOOD, 'x-delivery-limit': 19 })],
  ['rabbitmq-delivery-limit-low', own({}, { policy: { 'delivery-limit': 3 } })],
  ['rabbitmq-delivery-limit-none', foreign({ ...GOOD, 'x-delivery-limit': -1 })],
  ['rabbitmq-dead-letter-exchange-none', foreign({ 'x-delivery-limit': 20 })],
  [
    'rabbitmq-dead-letter-exchange-missing',
    foreign({ ...GOOD, 'x-dead-letter-exchange': 'gone' }, { hasDeadLetterExchange: false }),
  ],
  ['rabbitmq-length-limit', foreign({ ...GOOD, 'x-max-length-bytes': 1 })],
  ['rabbitmq-length-limit', own({}, { policy: { 'max-length': 1 } })],
  ['rabbitmq-message-ttl', foreign({ ...GOOD, 'x-message-ttl': 1 })],
  ['rabbitmq-expires', own({}, { policy: { expires: 1 } })],
  ['rabbitmq-consumer-timeout', own({}, { policy: { 'consumer-timeout': 59_999 } })],
  ['rabbitmq-unbound', foreign(GOOD, { boundTo: ['', 'others'] })],
  ['rabbitmq-copies-limit-low', letters({ 'x-queue-type': 'quorum', 'x-delivery-limit': 20 })],
  ['rabbitmq-copies-limit-low', letters({ 'x-queue-type': 'quorum' })],
])('finds %s, and nothing else', (id, changes) => {
  expect(idsOf('rabbitmq', queues(changes))).toEqual([id]);
});

test('RabbitMQ 3 has no delivery limit of its own, and RabbitMQ 4 has', () => {
  const unlimited = foreign({ 'x-queue-type': 'quorum', 'x-dead-letter-exchange': '' });
  expect(idsOf('rabbitmq', queues(unlimited))).toEqual([]);
  expect(idsOf('rabbitmq', queues({ ...unlimited, version: '3.13.7' }))).toEqual([
    'rabbitmq-delivery-limit-none',
  ]);
  expect(idsOf('rabbitmq', queues({ ...letters({ 'x-queue-type': 'quorum' }), version: '3.13.7' }))).toEqual(
    [],
  );
});

test('the delay of a retry queue is no fault, another one is', () => {
  const declared = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000_000, 'x-message-ttl': 5_000 };
  const retry = (policy: object) =>
    queues(own({ purpose: 'retry', declared }, { arguments: declared, policy: { ...policy } }));
  expect(idsOf('rabbitmq', retry({}))).toEqual([]);
  expect(idsOf('rabbitmq', retry({ 'message-ttl': 1_000 }))).toEqual(['rabbitmq-message-ttl']);
});

test('an alternate exchange is no fault where unroutable messages are accepted', () => {
  const details = seen({ type: 'topic', isDurable: true, alternate: 'lost' });
  expect(idsOf('rabbitmq', queues({ exchanges: [exchange({ failsUnroutable: false, details })] }))).toEqual(
    [],
  );
});

test('permissions are compared with what the bus does, kind by kind', () => {
  const permissions = seen({ configure: '', write: '^orders$', read: '(unclosed' });
  const found = judge('rabbitmq', queues({ management: management({ permissions }) }), CONTEXT)
    .filter(({ id }) => id === 'rabbitmq-permission')
    .map(({ where, expected }) => `${where}: ${expected}`);
  expect(found).toEqual([
    'rabbitmq: user billing: configure on orders, billing',
    'rabbitmq: user billing: write on billing, amq.default',
  ]);
});

test('an exchange that is consumed from need not be written to, one that is only published to must', () => {
  const permissions = seen({ configure: '.*', write: '^(billing|amq\\.default)$', read: '.*' });
  const withUsers = (consumers: string[]) =>
    queues({ management: management({ permissions }), exchanges: [exchange({ consumers })] });
  expect(idsOf('rabbitmq', withUsers(['billing']))).toEqual(['rabbitmq-write-permission']);
  expect(idsOf('rabbitmq', withUsers([]))).toEqual(['rabbitmq-permission']);
});

test('arguments that stop the bus are shown against those that it declares', () => {
  const [one] = judge('rabbitmq', queues(own({}, { arguments: { 'x-delivery-limit': 5 } })), CONTEXT).filter(
    ({ id }) => id === 'rabbitmq-queue-arguments',
  );
  expect(one).toMatchObject({
    severity: 'error',
    where: 'rabbitmq: queue billing',
    found: 'no x-dead-letter-exchange, no x-dead-letter-routing-key, x-delivery-limit=5, no x-queue-type',
    expected:
      'x-dead-letter-exchange="", x-dead-letter-routing-key="billing_dlq", x-delivery-limit=20, x-queue-type="quorum"',
  });
});
