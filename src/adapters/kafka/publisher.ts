import type { Destination, Publisher } from '../../contract/broker.js';
import { deadLetterTopicOf, kafkaTopicOf, retryTopicOf } from '../../messages/names.js';
import { BATCH_OVERHEAD_BYTES, RECORD_OVERHEAD_BYTES } from './record-batch.js';
import type { Sender } from './sender.js';

/** `max.message.bytes` of a topic that says nothing else; it counts the batch. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588;

/** Limits of topics as far as they were asked for. */
export type TopicLimits = ReadonlyMap<string, number>;

/** Name of the Kafka topic of a destination. */
export function topicOfDestination(destination: Destination): string {
  if (destination.kind === 'topic') return kafkaTopicOf(destination.topic);
  if (destination.kind === 'retry') return retryTopicOf(destination.consumer, destination.delayMs);
  return deadLetterTopicOf(destination.consumer);
}

/** Sends to one topic. */
export function createPublisher(topic: string, sender: Sender, limits: TopicLimits): Publisher {
  return {
    get maxMessageBytes() {
      const limit = limits.get(topic) ?? DEFAULT_MAX_MESSAGE_BYTES;
      return limit - BATCH_OVERHEAD_BYTES - RECORD_OVERHEAD_BYTES;
    },
    publish: (ticket) => sender.send(topic, ticket),
  };
}
