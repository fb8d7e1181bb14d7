import type { Publisher } from '../../contract/broker.js';
import { BATCH_OVERHEAD_BYTES, RECORD_OVERHEAD_BYTES } from './record-batch.js';
import type { Sender } from './sender.js';

/** `max.message.bytes` of a topic that says nothing else; it counts the batch. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588;

/** Limits of topics as far as they were asked for. */
export type TopicLimits = ReadonlyMap<string, number>;

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
