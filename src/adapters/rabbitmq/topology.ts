import type { Topology } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { BusEvents, EmitEvent } from '../../contract/events.js';
import type { AnyTopic } from '../../contract/topic.js';
import { checkName, deadLetterQueueOf, exchangeOf, queueOf, retryQueueOf } from '../../messages/names.js';
import {
  type Binding,
  bind,
  checkExchange,
  checkQueue,
  declareExchange,
  declareQueue,
  exists,
  type PlaceAccess,
} from './places.js';

/** Least `x-delivery-limit`: RabbitMQ 4's own default; a lower one gives messages up that merely met some restarts. */
const DELIVERY_LIMIT_MIN = 20;

/** AMQP's longest short string, bytes. */
const SHORT_MAX_BYTES = 255;

/** True if a topic's exchange is somebody else's: it is looked for, never declared. */
export const isForeign = (topic: AnyTopic): boolean => !topic.isDefined || topic.rabbitmq?.existing === true;

/**
 * A dead-letter queue keeps what it holds: without an explicit limit RabbitMQ 4 empties it after 21 looks through it,
 * and `-1` drops at the first return on 3.10.
 */
export const DEAD_LETTER_ARGUMENTS = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000_000 } as const;

/**
 * Arguments of a queue that we declare. The broker's own dead-lettering is the net for messages that kill the client;
 * `at-least-once` loses without `reject-publish`.
 */
export function queueArguments(consumer: AnyConsumer): Readonly<Record<string, string | number>> {
  return {
    'x-queue-type': 'quorum',
    'x-delivery-limit': Math.max(consumer.rabbitmq.deliveryLimit ?? DELIVERY_LIMIT_MIN, DELIVERY_LIMIT_MIN),
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': deadLetterQueueOf(consumer),
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  };
}

/**
 * Arguments of a queue in which copies for a consumer wait. When their time is over they go to the consumer's queue by the
 * default exchange, whoever declared that one. The limit counts looks into the queue only: the default of RabbitMQ 4
 * would send copies back early after 21 of them.
 */
export function retryArguments(
  consumer: AnyConsumer,
  delayMs: number,
): Readonly<Record<string, string | number>> {
  return {
    ...DEAD_LETTER_ARGUMENTS,
    'x-message-ttl': delayMs,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': queueOf(consumer),
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  };
}

/** Bindings of a consumer's queue, the default one if it names none. Throws BC_DEFINITION_INVALID where there is none. */
export function bindingsOf(consumer: AnyConsumer): readonly Binding[] {
  const place = { queue: queueOf(consumer), exchange: exchangeOf(consumer.topic) };
  const given = consumer.rabbitmq.bindings ?? [defaultBinding(consumer)];
  return given.map((one) =>
    typeof one === 'string' ? { ...place, key: one, args: {} } : { ...place, key: '', args: one },
  );
}

function defaultBinding(consumer: AnyConsumer): string | Readonly<Record<string, string>> {
  const { name, rabbitmq } = consumer.topic;
  const type = rabbitmq?.type ?? 'topic';
  const key = rabbitmq?.routingKey ?? name;
  if (type === 'fanout') return '';
  if (type === 'headers') return { 'x-match': 'all' };
  if (typeof key === 'string') return key;
  if (type === 'topic') return '#';
  throw new BuscouplerError(
    'BC_DEFINITION_INVALID',
    `Consumer "${consumer.name}" names no bindings, and the routing key of its direct exchange is a function.`,
  );
}

/** A name that somebody else chose: whatever AMQP can carry. */
function checkForeignName(name: string, what: string): void {
  if (Buffer.byteLength(name) > SHORT_MAX_BYTES) {
    throw new BuscouplerError('BC_NAME_INVALID', `The ${what} has more than ${SHORT_MAX_BYTES} bytes.`);
  }
}

/** Throws BC_NAME_INVALID for any name that a topology leads to, before anything is created. */
export function checkTopologyNames({ topics, consumers }: Topology): void {
  for (const topic of topics) {
    const check = isForeign(topic) ? checkForeignName : checkName;
    check(exchangeOf(topic), `exchange of topic "${topic.name}"`);
  }
  for (const consumer of consumers) {
    const check = consumer.rabbitmq.existing ? checkForeignName : checkName;
    check(queueOf(consumer), `queue of consumer "${consumer.name}"`);
    check(deadLetterQueueOf(consumer), `dead-letter queue of consumer "${consumer.name}"`);
    for (const delayMs of consumer.retry.deferredMs)
      check(retryQueueOf(consumer, delayMs), `retry queue of consumer "${consumer.name}"`);
    if (!consumer.rabbitmq.existing) bindingsOf(consumer);
  }
}

/** Creates places and tells of those that were not there. */
export interface Provisioner {
  readonly access: PlaceAccess;
  readonly emit: EmitEvent;
}

type PlaceKind = BusEvents['place-created']['kind'];

async function create(
  { emit }: Provisioner,
  place: { kind: PlaceKind; name: string; check: () => Promise<unknown>; declare: () => Promise<unknown> },
): Promise<void> {
  const isThere = await exists(place.check());
  await place.declare();
  if (!isThere) emit('place-created', { broker: 'rabbitmq', kind: place.kind, name: place.name });
}

async function provisionTopic(provisioner: Provisioner, topic: AnyTopic): Promise<void> {
  const { access } = provisioner;
  const name = exchangeOf(topic);
  const check = (): Promise<unknown> => checkExchange(access, name);
  if (isForeign(topic)) {
    await check();
    return;
  }
  const declare = (): Promise<unknown> => declareExchange(access, name, topic.rabbitmq?.type ?? 'topic');
  await create(provisioner, { kind: 'exchange', name, check, declare });
}

/** The dead-letter queue is ours even where the queue is not; one that is there already is taken as it is. */
async function provisionDeadLetters(provisioner: Provisioner, consumer: AnyConsumer): Promise<void> {
  const { access, emit } = provisioner;
  const name = deadLetterQueueOf(consumer);
  const check = (): Promise<unknown> => checkQueue(access, name);
  const declare = (): Promise<unknown> => declareQueue(access, name, DEAD_LETTER_ARGUMENTS);
  if (!consumer.rabbitmq.existing) {
    await create(provisioner, { kind: 'dead-letter', name, check, declare });
    return;
  }
  if (await exists(check())) return;
  await declare();
  emit('place-created', { broker: 'rabbitmq', kind: 'dead-letter', name });
}

/** Retry queues are ours even where the consumer's queue is not. One of other arguments is a BC_PLACE_CONFLICT. */
async function provisionRetries(provisioner: Provisioner, consumer: AnyConsumer): Promise<void> {
  const { access } = provisioner;
  for (const delayMs of consumer.retry.deferredMs) {
    const name = retryQueueOf(consumer, delayMs);
    const check = (): Promise<unknown> => checkQueue(access, name);
    const declare = (): Promise<unknown> => declareQueue(access, name, retryArguments(consumer, delayMs));
    await create(provisioner, { kind: 'queue', name, check, declare });
  }
}

/** Binds a consumer's queue as it says; one that is somebody else's is left as it is. Idempotent. */
export async function bindConsumer(access: PlaceAccess, consumer: AnyConsumer): Promise<void> {
  if (consumer.rabbitmq.existing) return;
  for (const binding of bindingsOf(consumer)) await bind(access, binding);
}

/** Everything that one consumer needs, its exchange apart. */
async function provisionConsumer(provisioner: Provisioner, consumer: AnyConsumer): Promise<void> {
  await provisionDeadLetters(provisioner, consumer);
  await provisionQueue(provisioner, consumer);
  await provisionRetries(provisioner, consumer);
}

async function provisionQueue(provisioner: Provisioner, consumer: AnyConsumer): Promise<void> {
  const { access } = provisioner;
  const name = queueOf(consumer);
  const check = (): Promise<unknown> => checkQueue(access, name);
  if (consumer.rabbitmq.existing) {
    await check();
    return;
  }
  const declare = (): Promise<unknown> => declareQueue(access, name, queueArguments(consumer));
  await create(provisioner, { kind: 'queue', name, check, declare });
  await bindConsumer(access, consumer);
}

/** Creates or checks everything, exchanges first. Idempotent; also run when a consumer's queue was deleted under it. */
export async function provisionTopology(provisioner: Provisioner, topology: Topology): Promise<void> {
  checkTopologyNames(topology);
  const topics = new Set([...topology.topics, ...topology.consumers.map((consumer) => consumer.topic)]);
  for (const topic of topics) await provisionTopic(provisioner, topic);
  for (const consumer of topology.consumers) await provisionConsumer(provisioner, consumer);
}
