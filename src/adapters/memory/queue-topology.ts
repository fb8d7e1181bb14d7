import type { Topology } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { AnyTopic } from '../../contract/topic.js';
import { deadLetterQueueOf, exchangeOf, queueOf, retryQueueOf } from '../../messages/names.js';
import type { PlaceCreated } from './broker.js';
import type { BindingKey } from './queue-exchange.js';
import type { QueueStore } from './queue-store.js';

type Report = (place: PlaceCreated) => void;

/** Looking through dead letters returns them; they must never be given up on. */
const DEAD_LETTER_DELIVERY_LIMIT = 1_000_000_000;

/** Creates or checks exchanges, queues, bindings, dead-letter and retry queues. */
export function provisionQueues(store: QueueStore, topology: Topology, report: Report): void {
  for (const topic of topology.topics) provisionExchange(store, topic, report);
  for (const consumer of topology.consumers) provisionConsumer(store, consumer, report);
}

function provisionExchange(store: QueueStore, topic: AnyTopic, report: Report): void {
  const name = exchangeOf(topic);
  if (topic.rabbitmq?.existing || !topic.isDefined) {
    store.requireExchange(name);
  } else if (store.declareExchange(name, topic.rabbitmq?.type ?? 'topic')) {
    report({ kind: 'exchange', name });
  }
}

function provisionConsumer(store: QueueStore, consumer: AnyConsumer, report: Report): void {
  provisionExchange(store, consumer.topic, report);
  const name = deadLetterQueueOf(consumer);
  if (store.declareQueue({ name, deliveryLimit: DEAD_LETTER_DELIVERY_LIMIT })) {
    report({ kind: 'dead-letter', name });
  }
  const queue = queueOf(consumer);
  provisionRetries(store, consumer, report);
  if (consumer.rabbitmq.existing) {
    store.requireQueue(queue);
    return;
  }
  const { deliveryLimit = 20 } = consumer.rabbitmq;
  if (store.declareQueue({ name: queue, deliveryLimit, deadLetter: { exchange: '', routingKey: name } })) {
    report({ kind: 'queue', name: queue });
  }
  for (const key of bindingsOf(consumer)) store.bind(queue, exchangeOf(consumer.topic), key);
}

/** A queue per delay, whose messages expire into the consumer's queue. One whose delay left the list empties itself. */
function provisionRetries(store: QueueStore, consumer: AnyConsumer, report: Report): void {
  const deadLetter = { exchange: '', routingKey: queueOf(consumer) };
  for (const delayMs of consumer.retry.deferredMs) {
    const name = retryQueueOf(consumer, delayMs);
    if (store.declareQueue({ name, messageTtlMs: delayMs, deadLetter })) report({ kind: 'queue', name });
  }
}

/** The consumer's bindings, or those that take everything that is published to the topic. */
function bindingsOf(consumer: AnyConsumer): readonly BindingKey[] {
  if (consumer.rabbitmq.bindings !== undefined) return consumer.rabbitmq.bindings;
  const { type = 'topic', routingKey = consumer.topic.name } = consumer.topic.rabbitmq ?? {};
  if (type === 'headers') return [{}];
  if (typeof routingKey === 'string') return [routingKey];
  if (type === 'topic' || type === 'fanout') return ['#'];
  throw new BuscouplerError(
    'BC_DEFINITION_INVALID',
    `Consumer "${consumer.name}" needs rabbitmq.bindings: its topic's routing key is a function and its exchange direct.`,
  );
}
