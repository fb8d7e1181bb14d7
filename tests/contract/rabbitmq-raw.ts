import { type Channel, type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { decodeAside } from '../../src/adapters/rabbitmq/decode-aside.js';
import type { Headers } from '../../src/contract/message.js';
import type { RawMessage } from '../../src/testing/contract/contract-rig.js';

/** Opens a connection for one piece of work past our library. */
export async function withChannel<Result>(
  url: string,
  work: (channel: ConfirmChannel) => Promise<Result>,
): Promise<Result> {
  const connection = await connect(url);
  connection.on('error', () => undefined);
  // A dead letter may be one that kills clients.
  decodeAside({ client: connection });
  try {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    return await work(channel);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

/** Everything that is ready in a queue; it goes back as it was when the channel is closed. */
export async function peek(channel: Channel, queue: string): Promise<GetMessage[]> {
  const messages: GetMessage[] = [];
  for (let next = await channel.get(queue); next !== false; next = await channel.get(queue))
    messages.push(next);
  return messages;
}

/** A message as the rig tells it. */
export function toRaw({ content, properties }: GetMessage): RawMessage {
  const headers = (properties.headers ?? {}) as Headers;
  return { body: content, headers };
}
