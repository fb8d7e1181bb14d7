import { describeError } from '../contract/errors.js';
import type { HeaderValue, IncomingMessage, OutgoingMessage, Position } from '../contract/message.js';
import { HEADERS } from '../messages/header-names.js';
import { copyHeaders } from '../messages/headers.js';
import { isoTime } from '../messages/ids.js';
import { redactText } from '../messages/redact.js';
import type { Failure } from './failure.js';

const STACK_MAX_BYTES = 2 * 1024;
const MESSAGE_MAX_BYTES = 4 * 1024;

/** Headers of a broker's own dead-lettering and routing: meaningless on a copy, and some of them steer the broker. */
const STRIPPED = /^(x-death|x-first-death-.*|x-last-death-.*|x-delivery-count|CC|BCC)$/;

function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  // Not in the middle of a character: continuation bytes begin with 10.
  let end = maxBytes - 3;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
}

function originHeaders(position: Position): Record<string, string> {
  if (position.broker === 'kafka') {
    return {
      [HEADERS.originalPartition]: String(position.partition),
      [HEADERS.originalOffset]: position.offset,
    };
  }
  return {
    [HEADERS.originalExchange]: position.exchange,
    [HEADERS.originalRoutingKey]: position.routingKey,
    [HEADERS.originalQueue]: position.queue,
  };
}

function read(thrown: unknown, property: 'name' | 'stack'): string | null {
  try {
    const value = thrown instanceof Error ? thrown[property] : undefined;
    return typeof value === 'string' ? value : null;
  } catch {
    return null; // a getter of a hostile error
  }
}

/** What the dead letter is made from. */
export interface DeadLetterSource {
  readonly incoming: IncomingMessage;
  /** The message id, also for foreign messages that came without one. */
  readonly id: string;
  /** Name of the topic definition. */
  readonly topic: string;
}

/**
 * The one dead-letter record of both brokers: the raw body and the original headers, and on top of them where the
 * message came from and why it was given up. Error texts are cut and cleared of secrets.
 */
export function deadLetterOf({ incoming, id, topic }: DeadLetterSource, failure: Failure): OutgoingMessage {
  const headers: Record<string, HeaderValue> = copyHeaders(incoming.headers);
  for (const name of Object.keys(headers)) if (STRIPPED.test(name)) delete headers[name];
  Object.assign(headers, originHeaders(incoming.position), {
    [HEADERS.id]: id,
    [HEADERS.originalTopic]: topic,
    [HEADERS.failedAt]: isoTime(failure.failedAtMs),
    [HEADERS.failedConsumer]: failure.consumer,
    [HEADERS.reason]: failure.reason,
    [HEADERS.attempt]: String(failure.attempt),
    [HEADERS.errorType]: cutToBytes(read(failure.error, 'name') ?? typeof failure.error, 256),
    [HEADERS.errorMessage]: cutToBytes(redactText(describeError(failure.error)), MESSAGE_MAX_BYTES),
    [HEADERS.errorStack]: cutToBytes(redactText(read(failure.error, 'stack') ?? ''), STACK_MAX_BYTES),
  });
  if (incoming.key !== null) headers[HEADERS.key] = incoming.key;
  return {
    id,
    key: incoming.key,
    body: incoming.body,
    headers,
    contentType: incoming.contentType ?? 'application/octet-stream',
    timestampMs: failure.failedAtMs,
  };
}
