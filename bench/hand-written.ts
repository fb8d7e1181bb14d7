import { randomUUID } from 'node:crypto';
import type { ConfirmChannel, Options } from 'amqplib';
import type { Message } from 'kafkajs';
import { type Usage, usageSchema } from './messages.js';

const CONTENT_TYPE = 'application/json';

/** The headers that the bus sends, so that both sides put the same bytes on the wire. */
function headersOf(id: string, key: string): Record<string, string> {
  return {
    'bc-id': id,
    'bc-published-at': new Date().toISOString(),
    'content-type': CONTENT_TYPE,
    'bc-key': key,
  };
}

/** Checks and serialises as the bus does. */
const bodyOf = (usage: Usage): Buffer => Buffer.from(JSON.stringify(usageSchema.parse(usage)));

/** A Kafka message by hand. */
export function kafkaMessageOf(usage: Usage): Message {
  const id = randomUUID();
  return { key: usage.user, value: bodyOf(usage), headers: headersOf(id, usage.user) };
}

/** A publish by hand: what, and to which exchange. */
export interface ByHand {
  readonly exchange: string;
  readonly usage: Usage;
}

/** Publishes one message by hand with everything that makes it safe: persistent, mandatory, an id, a confirm. */
export function publishByHand(
  channel: ConfirmChannel,
  { exchange, usage }: ByHand,
  onConfirm: (error: unknown) => void,
): void {
  const id = randomUUID();
  const properties: Options.Publish = {
    persistent: true,
    mandatory: true,
    messageId: id,
    contentType: CONTENT_TYPE,
    timestamp: Math.floor(Date.now() / 1_000),
    headers: headersOf(id, usage.user),
  };
  channel.publish(exchange, exchange, bodyOf(usage), properties, onConfirm);
}

/** The same with a promise per confirm, awaited by its caller. */
export const awaitConfirm = (channel: ConfirmChannel, what: ByHand): Promise<void> =>
  new Promise((resolve, reject) =>
    publishByHand(channel, what, (error) => (error ? reject(error) : resolve())),
  );
