import type { ConfirmChannel } from 'amqplib/callback_api';
import { toWireHeaders } from './messages.js';
import type { Parcel } from './parcel.js';

const EMPTY = Buffer.alloc(0);

/** AMQP's longest short string, bytes; three bytes are the most that one UTF-16 unit takes. */
const SHORT_MAX_BYTES = 255;
const isShort = (text: string): boolean => text.length <= 85 || Buffer.byteLength(text) <= SHORT_MAX_BYTES;

/**
 * Writes one parcel: persistent, with our id, mandatory unless its topic says otherwise. Never with `expiration` or
 * `userId`: a foreign one of either dead-letters the message or closes the channel. False: the buffer is full, wait
 * for `drain`. Throws before a byte has left when AMQP cannot carry the message.
 */
export function writeParcel(channel: ConfirmChannel, { ticket, target, routingKey }: Parcel): boolean {
  const { id, body, headers, contentType, timestampMs } = ticket.message;
  return channel.publish(target.exchange.exchange, routingKey, body ?? EMPTY, {
    mandatory: target.isMandatory,
    persistent: true,
    // A foreign id can be longer than the property takes; the header has it too.
    ...(isShort(id) && { messageId: id }),
    contentType,
    timestamp: Math.floor(timestampMs / 1000),
    headers: toWireHeaders(headers, body === null),
  });
}
