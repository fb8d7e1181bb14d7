import { expect, test } from '@jest/globals';
import { watch } from '../bus/harness.js';
import { type Behaviour, createPath } from './harness.js';

type Result = string;

/** How a publish with the given behaviour of Kafka and RabbitMQ ends after its deadline, and what is told. */
async function resultOf(
  policy: 'all' | 'primary' | 'any',
  kafka: Behaviour,
  rabbitmq: Behaviour,
): Promise<Result> {
  const path = createPath({ policy, primary: 'kafka' });
  path.kafka.control.behaviour = kafka;
  path.rabbitmq.control.behaviour = rabbitmq;
  const end = watch(path.publish({ n: 1 }, { id: 'one', timeoutMs: 1_000 }));
  await path.clock.advance(0);
  const isEarly = end.isOver;
  await path.clock.advance(1_100);
  const shown = (brokers: object): string => Object.values(brokers).join('/');
  const { error, value } = end as { error?: { code: string; brokers: object }; value?: { brokers: object } };
  const result = value === undefined ? `${error?.code} ${shown(error?.brokers ?? {})}` : shown(value.brokers);
  return `${isEarly ? 'at once' : 'at the deadline'}: ${result}`;
}

const FAILED = 'BC_PUBLISH_FAILED';
const UNCERTAIN = 'BC_PUBLISH_UNCERTAIN';

const ALL: [Behaviour, Behaviour, Result][] = [
  ['stored', 'stored', 'at once: stored/stored'],
  ['stored', 'failed', `at once: ${UNCERTAIN} stored/failed`],
  ['stored', 'uncertain', `at once: ${UNCERTAIN} stored/uncertain`],
  ['stored', 'silent', `at the deadline: ${UNCERTAIN} stored/failed`],
  ['stored', 'sent', `at the deadline: ${UNCERTAIN} stored/uncertain`],
  ['failed', 'stored', `at once: ${UNCERTAIN} failed/stored`],
  ['failed', 'failed', `at once: ${FAILED} failed/failed`],
  ['failed', 'uncertain', `at once: ${UNCERTAIN} failed/uncertain`],
  ['failed', 'silent', `at the deadline: ${FAILED} failed/failed`],
  ['failed', 'sent', `at the deadline: ${UNCERTAIN} failed/uncertain`],
  ['uncertain', 'uncertain', `at once: ${UNCERTAIN} uncertain/uncertain`],
  ['silent', 'silent', `at the deadline: ${FAILED} failed/failed`],
  ['sent', 'sent', `at the deadline: ${UNCERTAIN} uncertain/uncertain`],
  ['permanent', 'permanent', `at once: ${FAILED} failed/failed`],
];

test.each(ALL)('policy all, Kafka %s, RabbitMQ %s: %s', async (kafka, rabbitmq, result) => {
  expect(await resultOf('all', kafka, rabbitmq)).toBe(result);
});

const PRIMARY: [Behaviour, Behaviour, Result][] = [
  ['stored', 'stored', 'at once: stored/pending'], // Kafka is asked first and answers before RabbitMQ is asked
  ['stored', 'failed', 'at once: stored/pending'],
  ['stored', 'uncertain', 'at once: stored/pending'],
  ['stored', 'silent', 'at once: stored/pending'],
  ['failed', 'stored', `at once: ${UNCERTAIN} failed/stored`],
  ['failed', 'failed', `at once: ${FAILED} failed/failed`],
  ['failed', 'silent', `at the deadline: ${FAILED} failed/failed`],
  ['uncertain', 'stored', `at once: ${UNCERTAIN} uncertain/stored`],
  ['silent', 'stored', `at the deadline: ${UNCERTAIN} failed/stored`],
  ['sent', 'stored', `at the deadline: ${UNCERTAIN} uncertain/stored`],
];

test.each(PRIMARY)('policy primary, Kafka (primary) %s, RabbitMQ %s: %s', async (kafka, rabbitmq, result) => {
  expect(await resultOf('primary', kafka, rabbitmq)).toBe(result);
});

const ANY: [Behaviour, Behaviour, Result][] = [
  ['stored', 'silent', 'at once: stored/pending'],
  ['silent', 'stored', 'at once: pending/stored'],
  ['failed', 'stored', 'at once: pending/stored'],
  ['uncertain', 'stored', 'at once: pending/stored'],
  ['failed', 'failed', `at once: ${FAILED} failed/failed`],
  ['failed', 'uncertain', `at once: ${UNCERTAIN} failed/uncertain`],
  ['silent', 'sent', `at the deadline: ${UNCERTAIN} failed/uncertain`],
];

test.each(ANY)('policy any, Kafka %s, RabbitMQ %s: %s', async (kafka, rabbitmq, result) => {
  expect(await resultOf('any', kafka, rabbitmq)).toBe(result);
});

test('a message goes to every broker as one object: one id, one body, serialised once', async () => {
  let serialised = 0;
  const path = createPath();
  const data = {
    toJSON: () => {
      serialised += 1;
      return { n: 1 };
    },
  };
  await path.publish(data);
  expect(serialised).toBe(1);
  expect(path.kafka.tickets[0]?.message).toBe(path.rabbitmq.tickets[0]?.message);
});

test('a receipt of a message that all stored cannot be changed by its reader', async () => {
  const path = createPath();
  const { brokers } = await path.publish({ n: 1 });
  expect(() => Object.assign(brokers, { kafka: 'failed' })).toThrow(TypeError);
  expect((await path.publish({ n: 2 })).brokers).toEqual({ kafka: 'stored', rabbitmq: 'stored' });
});

test('what fails after the policy was satisfied is stored in the background', async () => {
  const path = createPath({ policy: 'any' });
  path.kafka.control.behaviour = 'sent';
  const receipt = await path.publish({ n: 1 }, { id: 'one', timeoutMs: 1_000 });
  expect(receipt.brokers).toEqual({ kafka: 'pending', rabbitmq: 'stored' });
  path.kafka.control.behaviour = 'stored';
  await path.clock.advance(2_000);
  expect(path.kafka.tickets.map(({ message }) => message.id)).toEqual(['one', 'one']);
  expect(path.names()).toEqual(['copy-pending', 'copy-stored']);
  expect(path.copies.size).toBe(0);
});

test('copies wait with growing pauses, one of them probes, and all follow as soon as it is stored', async () => {
  const path = createPath({ policy: 'any' });
  path.kafka.control.behaviour = 'failed';
  for (let n = 0; n < 20; n += 1) await path.publish({ n }, { id: `id-${n}` });
  expect(path.copies.size).toBe(20);
  await path.clock.advance(120_000);
  const tries = path.kafka.tickets.length - 20;
  expect(tries).toBeGreaterThan(20);
  expect(tries).toBeLessThan(40);
  path.kafka.control.behaviour = 'stored';
  await path.clock.advance(30_000);
  expect(path.copies.size).toBe(0);
  const stored = path.told.filter(({ name }) => name === 'copy-stored').length;
  expect(stored).toBe(20);
  expect(path.names()).not.toContain('copy-lost');
});

test('a copy that can never be stored is given up and told', async () => {
  const path = createPath({ policy: 'any' });
  path.kafka.control.behaviour = 'permanent';
  await path.publish({ n: 1 }, { id: 'one' });
  await path.clock.advance(1_000);
  expect(path.told.at(-1)).toMatchObject({
    name: 'copy-lost',
    event: { broker: 'kafka', id: 'one', topic: 'orders', error: { code: 'BC_PLACE_MISSING' } },
  });
  expect(path.copies.size).toBe(0);
});

test.each([
  ['in count', { maxCopies: 3 }],
  ['in bytes', { maxBytes: 3 * 7 }],
])('copies are bounded %s; each one over the bound is told', async (_, bound) => {
  const path = createPath({ policy: 'any', ...bound });
  path.kafka.control.behaviour = 'failed';
  for (let n = 0; n < 5; n += 1) await path.publish({ n }, { id: `id-${n}` });
  expect(path.copies.size).toBe(3);
  expect(path.told.filter(({ name }) => name === 'copy-lost')).toMatchObject([
    { event: { id: 'id-3' } },
    { event: { id: 'id-4' } },
  ]);
});

test('closing gives up every copy that waits, each with an event, and takes no further ones', async () => {
  const path = createPath({ policy: 'any' });
  path.kafka.control.behaviour = 'failed';
  await path.publish({ n: 1 }, { id: 'waiting' });
  path.kafka.control.behaviour = 'silent';
  await path.publish({ n: 2 }, { id: 'under way' });
  path.copies.close();
  await path.clock.advance(60_000);
  const lost = path.told
    .filter(({ name }) => name === 'copy-lost')
    .map(({ event }) => (event as { id: string }).id);
  expect(lost).toEqual(['waiting', 'under way']);
  expect({ size: path.copies.size, pending: path.book.size }).toEqual({ size: 0, pending: 0 });
});
