import type { Destination } from '../contract/broker.js';
import type { AnyConsumer } from '../contract/consumer.js';
import { formatDurationMs } from '../contract/duration.js';
import { BuscouplerError } from '../contract/errors.js';
import type { AnyTopic } from '../contract/topic.js';

/** Longest name that both brokers take (Kafka 249 characters, AMQP 255 bytes). */
const NAME_MAX_LENGTH = 249;

/** Name of the Kafka topic of a definition. */
export const kafkaTopicOf = (topic: AnyTopic): string => topic.kafka?.topic ?? topic.name;

/** Name of the dead-letter topic of a consumer. */
export const deadLetterTopicOf = (consumer: AnyConsumer): string =>
  consumer.kafka.deadLetterTopic ?? `${kafkaTopicOf(consumer.topic)}_dlt`;

/** Name of the exchange of a definition. */
export const exchangeOf = (topic: AnyTopic): string => topic.rabbitmq?.exchange ?? topic.name;

/** Name of the queue of a consumer. A group of several topics has one queue per topic; `createBus` fills that in. */
export const queueOf = (consumer: AnyConsumer): string => consumer.rabbitmq.queue ?? consumer.group;

/** Name of the dead-letter queue of a consumer. */
export const deadLetterQueueOf = (consumer: AnyConsumer): string =>
  consumer.rabbitmq.deadLetterQueue ?? `${queueOf(consumer)}_dlq`;

/** Name of the Kafka topic that copies for this consumer wait in for so long; 0: from which they come at once. */
export const retryTopicOf = (consumer: AnyConsumer, delayMs: number): string =>
  `${consumer.kafka.retryPrefix ?? consumer.group}_retry_${formatDurationMs(delayMs)}`;

/** Names of all Kafka topics that copies for this consumer wait in, the one without delay first. */
export const retryTopicsOf = (consumer: AnyConsumer): readonly string[] =>
  [0, ...consumer.retry.deferredMs].map((delayMs) => retryTopicOf(consumer, delayMs));

/** Name of the queue that copies for this consumer wait in for so long. */
export const retryQueueOf = (consumer: AnyConsumer, delayMs: number): string =>
  `${queueOf(consumer)}_retry_${formatDurationMs(delayMs)}`;

/** Names of all queues that copies for this consumer wait in. One that comes at once goes straight to the consumer's own. */
export const retryQueuesOf = (consumer: AnyConsumer): readonly string[] =>
  consumer.retry.deferredMs.map((delayMs) => retryQueueOf(consumer, delayMs));

/** Name of the Kafka topic of a destination. */
export function topicOfDestination(destination: Destination): string {
  if (destination.kind === 'topic') return kafkaTopicOf(destination.topic);
  if (destination.kind === 'retry') return retryTopicOf(destination.consumer, destination.delayMs);
  return deadLetterTopicOf(destination.consumer);
}

/** Name of the queue of a copy's destination. One that comes back at once goes straight to the consumer's queue. */
export function queueOfDestination(destination: Exclude<Destination, { kind: 'topic' }>): string {
  const { consumer } = destination;
  if (destination.kind === 'dead-letter') return deadLetterQueueOf(consumer);
  return destination.delayMs === 0 ? queueOf(consumer) : retryQueueOf(consumer, destination.delayMs);
}

/** Throws BC_NAME_INVALID unless both brokers take the name. `what` says what the name is of. */
export function checkName(name: string, what: string): void {
  const problem = nameProblem(name);
  if (problem !== null) {
    const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
    throw new BuscouplerError('BC_NAME_INVALID', `The ${what} ${shown} ${problem}.`);
  }
}

function nameProblem(name: string): string | null {
  if (name.length === 0) return 'is empty';
  if (name.length > NAME_MAX_LENGTH) return `has ${name.length} characters, more than ${NAME_MAX_LENGTH}`;
  if (name === '.' || name === '..') return 'is not a name';
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return 'has characters that Kafka refuses';
  if (name.startsWith('amq.')) return 'begins with "amq.", which RabbitMQ keeps for itself';
  return null;
}

/** Two names that Kafka holds equal in its metrics and refuses side by side (`a.b` and `a_b`) share a twin key. */
export const twinKeyOf = (name: string): string => name.replaceAll('.', '_');
