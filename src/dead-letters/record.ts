import { describeError } from '../contract/errors.js';
import type {
  Headers,
  HeaderValue,
  IncomingMessage,
  OutgoingMessage,
  Position,
} from '../contract/message.js';
import { HEADERS } from '../messages/header-names.js';
import { isoTime } from '../messages/ids.js';
import { keptHeaders } from '../messages/kept-headers.js';
import { redactText } from '../messages/redact.js';
import type { Failure } from './failure.js';
import { withoutCallers } from './stack-frame.js';

const STACK_MAX_BYTES = 2 * 1024;
const MESSAGE_MAX_BYTES = 4 * 1024;
const TYPE_MAX_BYTES = 256;
/** Longest part of a text that is looked through for secrets: far more than is kept. */
const REDACTED_MAX_LENGTH = 32 * 1024;

/**
 * Where an earlier letter came from, perhaps on another broker, must not stand beside where this one comes from; when and
 * for whom a retry was due is over.
 */
const OUTDATED: readonly string[] = [
  HEADERS.dueAt,
  HEADERS.consumer,
  HEADERS.originalPartition,
  HEADERS.originalOffset,
  HEADERS.originalExchange,
  HEADERS.originalRoutingKey,
  HEADERS.originalQueue,
];

/** The text, cut on a character border to so many bytes with an ellipsis; nothing of it below the ellipsis' own size. */
export function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  if (maxBytes < 3) return '';
  // Not in the middle of a character: continuation bytes begin with 10.
  let end = maxBytes - 3;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
}

const cleanText = (text: string, maxBytes: number): string =>
  cutToBytes(redactText(text.slice(0, REDACTED_MAX_LENGTH)), maxBytes);

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
 * message came from and why it was given up. Error texts are cleared of secrets and cut; shorter, the stack first, when
 * the letter would have more than `maxBytes` otherwise.
 */
export function deadLetterOf(
  { incoming, id, topic }: DeadLetterSource,
  failure: Failure,
  maxBytes: number = Number.POSITIVE_INFINITY,
): OutgoingMessage {
  const { error } = failure;
  const headers = keptHeaders(incoming);
  for (const name of OUTDATED) delete headers[name];
  Object.assign(headers, originHeaders(incoming.position), {
    [HEADERS.id]: id,
    [HEADERS.originalTopic]: topic,
    [HEADERS.failedAt]: isoTime(failure.failedAtMs),
    [HEADERS.failedConsumer]: failure.consumer,
    [HEADERS.reason]: failure.reason,
    [HEADERS.attempt]: String(failure.attempt),
    [HEADERS.errorType]: cleanText(read(error, 'name') ?? typeof error, TYPE_MAX_BYTES),
    [HEADERS.errorMessage]: cleanText(describeError(error), MESSAGE_MAX_BYTES),
    [HEADERS.errorStack]: cleanText(withoutCallers(read(error, 'stack') ?? ''), STACK_MAX_BYTES),
  });
  shrink(headers, sizeOf(incoming, headers) - maxBytes);
  return {
    id,
    key: incoming.key,
    body: incoming.body,
    headers,
    contentType: incoming.contentType ?? 'application/octet-stream',
    timestampMs: failure.failedAtMs,
  };
}

/** Cuts the stack, then the message, by as many bytes as there are too many. */
function shrink(headers: Record<string, HeaderValue>, excessBytes: number): void {
  let excess = excessBytes;
  for (const name of [HEADERS.errorStack, HEADERS.errorMessage]) {
    if (excess <= 0) return;
    const text = headers[name] as string;
    const bytes = Buffer.byteLength(text);
    headers[name] = cutToBytes(text, Math.max(0, bytes - excess));
    excess -= bytes - Buffer.byteLength(headers[name] as string);
  }
}

/** Bytes of body, key and headers, counted as brokers count them: framing comes on top. */
function sizeOf({ body, key }: IncomingMessage, headers: Headers): number {
  let bytes = (body?.length ?? 0) + Buffer.byteLength(key ?? '');
  for (const name of Object.keys(headers)) bytes += Buffer.byteLength(name) + sizeOfValue(headers[name]);
  return bytes;
}

function sizeOfValue(value: HeaderValue | undefined): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Buffer.isBuffer(value)) return value.length;
  if (value === null || typeof value !== 'object') return 8;
  const inner = Object.entries(value) as [string, HeaderValue][];
  return inner.reduce((sum, [name, one]) => sum + Buffer.byteLength(name) + sizeOfValue(one), 0);
}
