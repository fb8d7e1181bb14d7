import type { ConsumeMessage } from 'amqplib/callback_api';
import type { Headers, HeaderValue, IncomingMessage } from '../../contract/message.js';
import { HEADERS } from '../../messages/header-names.js';
import { copyHeaders, readText } from '../../messages/headers.js';

/** Nested tables are copied to this depth; deeper ones are data that nobody looks into by name. */
const COPY_DEPTH = 16;

/** A nested value with null prototypes: a table called `__proto__` made itself the prototype of its parent. */
function copyValue(value: unknown, depth: number): HeaderValue {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value) || depth > COPY_DEPTH) {
    return value as HeaderValue;
  }
  if (Array.isArray(value)) return value.map((one) => copyValue(one, depth + 1));
  const table = copyHeaders(value as Record<string, unknown>);
  for (const name of Object.keys(table)) table[name] = copyValue(table[name], depth + 1);
  return table;
}

function readHeaders(raw: Record<string, unknown> | undefined): Headers {
  const headers: Record<string, HeaderValue> = Object.create(null);
  for (const name of Object.keys(raw ?? {})) {
    const value = (raw as Record<string, unknown>)[name];
    headers[name] = typeof value === 'string' ? value : copyValue(value, 0);
  }
  return headers;
}

/** The `timestamp` property is in seconds; some producers put ms into it, which as seconds would be the year 5138 on. */
const SECONDS_MAX = 100_000_000_000;
const EPOCH_MS_MAX = 8_640_000_000_000_000;

function readTime(headers: Headers, seconds: unknown): number | null {
  const text = readText(headers, HEADERS.publishedAt);
  const published = text === null ? Number.NaN : Date.parse(text);
  if (!Number.isNaN(published)) return published;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return null;
  const epochMs = seconds < SECONDS_MAX ? seconds * 1000 : seconds;
  return epochMs <= EPOCH_MS_MAX ? epochMs : null;
}

/** What arrived on a channel, as the contract has it. An integer beyond 2^53 has lost digits in amqplib already. */
export function toIncoming(raw: ConsumeMessage, queue: string): IncomingMessage {
  const { fields, properties, content } = raw;
  const headers = readHeaders(properties.headers);
  const isTombstone = content.length === 0 && Object.hasOwn(headers, HEADERS.tombstone);
  const messageId: unknown = properties.messageId;
  const contentType: unknown = properties.contentType;
  return {
    id:
      readText(headers, HEADERS.id) ?? (typeof messageId === 'string' && messageId !== '' ? messageId : null),
    key: readText(headers, HEADERS.key),
    body: isTombstone ? null : content,
    headers,
    contentType: typeof contentType === 'string' ? contentType : readText(headers, HEADERS.contentType),
    timestampMs: readTime(headers, properties.timestamp),
    position: { broker: 'rabbitmq', queue, exchange: fields.exchange, routingKey: fields.routingKey },
    isRedelivered: fields.redelivered,
  };
}

const INT64_LIMIT = 2 ** 63;

/** What amqplib's encoder takes for a value that is no string; it guesses types and knows some by `{'!': type}`. */
function encodeValue(value: HeaderValue, depth: number): unknown {
  if (typeof value === 'bigint') return { '!': 'int64', value };
  if (typeof value === 'number') {
    // The server has no such numbers: it would close the connection with 541.
    if (!Number.isFinite(value)) throw new TypeError(`AMQP has no header value ${value}`);
    // amqplib's own integer test fails beyond these: large fractions would throw.
    const isInt64 = Number.isInteger(value) && value >= -INT64_LIMIT && value < INT64_LIMIT;
    return isInt64 ? value : { '!': 'double', value };
  }
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value) || depth > COPY_DEPTH)
    return value;
  if (value instanceof Date) return { '!': 'timestamp', value: Math.floor(value.getTime() / 1000) };
  if (Array.isArray(value)) return value.map((one: HeaderValue) => encodeValue(one, depth + 1));
  return encodeTable(value as Record<string, HeaderValue>, depth + 1);
}

/** Timestamps and decimals arrive as `{'!': type, value}` and leave as such; any other table may hold a `!` of its own. */
function encodeTable(table: Record<string, HeaderValue>, depth: number): unknown {
  if (table['!'] === 'timestamp' && Number.isSafeInteger(table.value) && Number(table.value) >= 0)
    return { ...table };
  if (table['!'] === 'decimal') return { ...table };
  const encoded: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(table)) encoded[name] = encodeValue(table[name] as HeaderValue, depth);
  // amqplib looks for an own `!` and walks inherited names too: one level down it is a name like any other.
  return Object.hasOwn(table, '!') ? Object.create(encoded) : encoded;
}

/** A message's headers as they go to amqplib. The same object when there is nothing to convert, which is the rule. */
export function toWireHeaders(headers: Headers, isTombstone: boolean): Readonly<Record<string, unknown>> {
  let isPlain = !isTombstone;
  for (const name in headers) {
    const value = headers[name];
    if (typeof value !== 'string' && !Buffer.isBuffer(value)) isPlain = false;
  }
  if (isPlain) return headers;
  const wire: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(headers)) wire[name] = encodeValue(headers[name] as HeaderValue, 0);
  if (isTombstone) wire[HEADERS.tombstone] = 'true';
  return wire;
}

/** About what headers take on the wire, bytes; strings count by their length, which is exact for ASCII. */
export function headerBytes(headers: Headers): number {
  let bytes = 4;
  for (const name in headers) {
    const value = headers[name] as HeaderValue;
    const isSized = typeof value === 'string' || Buffer.isBuffer(value);
    bytes += name.length + 6 + (isSized ? value.length : 16);
  }
  return bytes;
}
