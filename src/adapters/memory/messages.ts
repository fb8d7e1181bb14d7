import type { Headers, HeaderValue, OutgoingMessage } from '../../contract/message.js';
import { copyHeaders } from '../../messages/headers.js';

/** A message of a producer that is not Buscoupler: what a store takes besides publishes of the bus. */
export interface ForeignMessage {
  readonly key?: string | null;
  readonly body: Buffer | null;
  readonly headers?: Readonly<Record<string, HeaderValue>>;
  /** AMQP `messageId`; the log has none. */
  readonly id?: string;
  /** AMQP `content-type`; the log has a header. */
  readonly contentType?: string;
  /** Ms since the epoch. Default: the time of the store's clock. */
  readonly timestampMs?: number;
}

/** A foreign message with what a store needs; missing identity and content type stay empty. */
export function fromForeign(message: ForeignMessage, epochMs: number): OutgoingMessage {
  return {
    id: message.id ?? '',
    key: message.key ?? null,
    body: message.body,
    headers: copyHeaders(message.headers ?? {}),
    contentType: message.contentType ?? '',
    timestampMs: message.timestampMs ?? epochMs,
  };
}

/**
 * Headers as consumers get them, with a null prototype. Messages never change, so headers that have none already are
 * shared by store and consumers; embedded brokers keep every value as it is.
 */
export const sharedHeaders = (headers: Headers): Headers =>
  Object.getPrototypeOf(headers) === null ? headers : copyHeaders(headers);
