import { BuscouplerError, describeError } from '../contract/errors.js';
import type { HeaderValue, OutgoingMessage } from '../contract/message.js';
import type { PublishOptions } from '../contract/message-bus.js';
import type { AnyTopic } from '../contract/topic.js';
import { codecOf } from '../messages/codec.js';
import { HEADERS, RESERVED_PREFIX, USER_HEADERS_MAX_BYTES } from '../messages/header-names.js';
import { readText } from '../messages/headers.js';
import { isoTime, newMessageId } from '../messages/ids.js';
import { compileSchema, type Validation } from '../messages/schema.js';
import { isThenable } from '../messages/thenable.js';

/** Longest id and header name, bytes: AMQP's short strings. */
const SHORT_MAX_BYTES = 255;
const KEY_MAX_BYTES = 4 * 1024;

/** Makes the one message that goes to every broker. Throws or rejects with BC_MESSAGE_INVALID. */
export type Compose = (data: unknown, options: PublishOptions) => OutgoingMessage | Promise<OutgoingMessage>;

const NO_OPTIONS: PublishOptions = Object.freeze({});

/** Options that a caller may give, for an error that names the others. */
const KNOWN_OPTIONS = new Set([
  'key',
  'headers',
  'id',
  'signal',
  'timeoutMs',
  'expiresAt',
  'session',
  'tombstone',
  'data',
]);

/** 9999-12-31T23:59:59.999Z: later times have no four-digit year, which every reader of ISO 8601 expects. */
const EXPIRY_MAX_MS = 253_402_300_799_999;

function refuse(topic: AnyTopic, what: string): BuscouplerError {
  return new BuscouplerError('BC_MESSAGE_INVALID', `A message for topic "${topic.name}" ${what}.`);
}

function keyOf(topic: AnyTopic, data: unknown, given: string | undefined): string | null {
  let key: string | null | undefined = given;
  if (key === undefined && topic.key !== undefined) {
    try {
      key = topic.key(data);
    } catch (error) {
      throw refuse(topic, `has no key: the topic's key function threw (${describeError(error)})`);
    }
  }
  if (key === undefined || key === null) return null;
  if (typeof key !== 'string') throw refuse(topic, `has a key that is a ${typeof key}; allowed: a string`);
  if (!key.isWellFormed()) throw refuse(topic, 'has a key with half a surrogate pair');
  if (Buffer.byteLength(key) > KEY_MAX_BYTES) throw refuse(topic, `has a key of over ${KEY_MAX_BYTES} bytes`);
  return key;
}

function checkId(topic: AnyTopic, id: string): string {
  const isGood =
    typeof id === 'string' && id !== '' && Buffer.byteLength(id) <= SHORT_MAX_BYTES && id.isWellFormed();
  if (isGood) return id;
  throw refuse(topic, `has an id that is no text of 1 to ${SHORT_MAX_BYTES} bytes`);
}

/** Copies the caller's headers onto ours. Control headers are ours alone: a spoofed one could steer retry and replay. */
function addUserHeaders(
  topic: AnyTopic,
  ours: Record<string, HeaderValue>,
  theirs: Readonly<Record<string, string | Buffer>>,
): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(theirs)) {
    const nameBytes = Buffer.byteLength(name);
    if (name === '' || nameBytes > SHORT_MAX_BYTES) {
      throw refuse(topic, `has a header name of ${nameBytes} bytes; allowed: 1 to ${SHORT_MAX_BYTES}`);
    }
    if (name.toLowerCase().startsWith(RESERVED_PREFIX)) {
      throw refuse(topic, `has the header "${name}"; the prefix "${RESERVED_PREFIX}" is kept for the bus`);
    }
    if (typeof value !== 'string' && !Buffer.isBuffer(value)) {
      throw refuse(
        topic,
        `has the header "${name}" with a ${value === null ? 'null' : typeof value}; allowed: string or Buffer`,
      );
    }
    if (typeof value === 'string' && !value.isWellFormed())
      throw refuse(topic, `has half a surrogate pair in header "${name}"`);
    bytes += nameBytes + Buffer.byteLength(value);
    if (bytes > USER_HEADERS_MAX_BYTES)
      throw refuse(topic, `has over ${USER_HEADERS_MAX_BYTES} bytes of headers`);
    // Buffers are copied: their owner may use them again before the last copy has left.
    const kept = typeof value === 'string' ? value : Buffer.from(value);
    Object.defineProperty(ours, name, { value: kept, enumerable: true, configurable: true, writable: true });
  }
}

/** Headers in a fixed shape: one literal costs a hundredth of a spread. */
function ourHeaders(
  id: string,
  key: string | null,
  publishedAt: string,
  contentType: string,
): Record<string, HeaderValue> {
  return key === null
    ? { [HEADERS.id]: id, [HEADERS.publishedAt]: publishedAt, [HEADERS.contentType]: contentType }
    : {
        [HEADERS.id]: id,
        [HEADERS.publishedAt]: publishedAt,
        [HEADERS.contentType]: contentType,
        [HEADERS.key]: key,
      };
}

/** Makes the composer of a topic: validate, key, id, headers, serialise once. */
export function createComposer(topic: AnyTopic, epochMs: () => number): Compose {
  const codec = codecOf(topic);
  const validate = topic.schema === undefined ? null : compileSchema(topic.schema);

  const build = (data: unknown, options: PublishOptions): OutgoingMessage => {
    const nowMs = epochMs();
    const id = options.id === undefined ? newMessageId(nowMs) : checkId(topic, options.id);
    const key = keyOf(topic, data, options.key);
    const headers = ourHeaders(id, key, isoTime(nowMs), codec.contentType);
    if (options.expiresAt !== undefined) headers[HEADERS.expiresAt] = options.expiresAt.toISOString();
    if (options.headers !== undefined) addUserHeaders(topic, headers, options.headers);
    const body = options.tombstone === true ? null : codec.encode(data);
    const contentType = readText(headers, HEADERS.contentType) ?? codec.contentType; // a caller may know better
    return { id, key, body, headers, contentType, timestampMs: nowMs, data };
  };

  const accept = (checked: Validation, data: unknown, options: PublishOptions): OutgoingMessage => {
    if ('problem' in checked) throw refuse(topic, `does not fit its schema: ${checked.problem}`);
    return build(data, options);
  };

  return (data, options = NO_OPTIONS) => {
    if (options !== NO_OPTIONS) checkOptions(topic, data, options);
    if (validate === null || options.tombstone === true) return build(data, options);
    const checked = validate(data);
    return isThenable<Validation>(checked)
      ? Promise.resolve(checked).then((result) => accept(result, data, options))
      : accept(checked, data, options);
  };
}

function checkOptions(topic: AnyTopic, data: unknown, options: PublishOptions): void {
  for (const name in options) {
    if (!KNOWN_OPTIONS.has(name)) throw refuse(topic, `was given the unknown option "${name}"`);
  }
  const { tombstone, timeoutMs, signal, expiresAt } = options;
  if (expiresAt !== undefined && !isExpiry(expiresAt)) {
    throw refuse(topic, 'has an expiresAt that is no Date with a time; allowed: years 1970 to 9999');
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw refuse(topic, 'was given a signal that is no AbortSignal');
  }
  if (tombstone === true && data !== null) throw refuse(topic, 'is a tombstone with data; allowed: null');
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= 3_600_000)) {
    throw refuse(topic, `has timeoutMs ${timeoutMs}; allowed: 1 to 3,600,000`);
  }
}

/** A time in the past is one: the message is stored, and expires where it is consumed. */
function isExpiry(value: unknown): boolean {
  if (!(value instanceof Date)) return false;
  const timeMs = value.getTime();
  return timeMs >= 0 && timeMs <= EXPIRY_MAX_MS;
}
