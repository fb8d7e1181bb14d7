import type { BrokerName, OutgoingMessage } from '../contract/message.js';
import { OUTBOX_LANES, type OutboxRow } from '../contract/outbox.js';
import { murmur2 } from '../messages/murmur2.js';

/** The row of a message: one order per topic and key, and one of its own for a message without a key. */
export function outboxRowOf(
  topic: string,
  message: OutgoingMessage,
  brokers: readonly BrokerName[],
): OutboxRow {
  const { id, key } = message;
  // No topic's name has a colon or a hash, so that no two orders are alike.
  const order = key === null ? `${topic}#${id}` : `${topic}:${key}`;
  const lane = (murmur2(Buffer.from(order)) >>> 0) % OUTBOX_LANES;
  return { rowId: `${topic}:${id}`, topic, order, lane, message, brokers };
}
