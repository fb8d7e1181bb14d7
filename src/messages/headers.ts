import { isUtf8 } from 'node:buffer';
import type { Headers, HeaderValue } from '../contract/message.js';
import { HEADERS } from './header-names.js';

/** A header as text: strings as they are, Buffers as UTF-8, anything else and absent ones as `null`. */
export function readText(headers: Headers, name: string): string | null {
  // The wire can carry `__proto__`: only own properties count.
  if (!Object.hasOwn(headers, name)) return null;
  const value = headers[name];
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('utf8') : null;
}

/** A header as an integer of at least `min`; anything else (absent, spoofed, out of range) is the fallback. */
export function readInteger(
  headers: Headers,
  name: string,
  { min, fallback }: { min: number; fallback: number },
) {
  const text = readText(headers, name);
  if (text === null || !/^\d{1,9}$/.test(text)) return fallback;
  const value = Number(text);
  return value >= min ? value : fallback;
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** A header as ms since the epoch; `null` unless it is an ISO 8601 time with its offset. */
export function readTimeMs(headers: Headers, name: string): number | null {
  const text = readText(headers, name);
  if (text === null || !ISO_TIME.test(text)) return null;
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) ? null : timeMs;
}

/** A copy with a null prototype, own properties only. */
export function copyHeaders(raw: Readonly<Record<string, unknown>>): Record<string, HeaderValue> {
  const copy: Record<string, HeaderValue> = Object.create(null);
  for (const name of Object.keys(raw)) copy[name] = raw[name] as HeaderValue;
  return copy;
}

function cloneValue(value: HeaderValue): HeaderValue {
  if (value === null || typeof value !== 'object') return value;
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  return Array.isArray(value) ? value.map(cloneValue) : cloneHeaders(value as Headers);
}

/** A deep copy with null prototypes: Buffers and tables too, so that no change reaches the original. */
export function cloneHeaders(raw: Headers): Record<string, HeaderValue> {
  const copy: Record<string, HeaderValue> = Object.create(null);
  for (const name of Object.keys(raw)) copy[name] = cloneValue(raw[name] as HeaderValue);
  return copy;
}

type ByteHeader = string | Buffer;
type Noted = 'bytes' | 'null' | 'json';

/** Deepest table or list that is read; a broken note must not overflow the stack. */
const MAX_DEPTH = 100;

/** What JSON cannot say is a table of one of these names; a caller's own table of such a name is wrapped once more. */
const WRAPPERS: ReadonlySet<string> = new Set(['$bytes', '$bigint', '$number', '$table']);

const isWrapper = (names: readonly string[]): boolean =>
  names.length === 1 && WRAPPERS.has(names[0] as string);

function toPlain(value: HeaderValue): unknown {
  if (typeof value === 'bigint') return { $bigint: value.toString() };
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { $number: Object.is(value, -0) ? '-0' : String(value) };
  }
  if (value === null || typeof value !== 'object') return value;
  if (Buffer.isBuffer(value)) return { $bytes: value.toString('base64') };
  if (Array.isArray(value)) return value.map(toPlain);
  const table: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(value)) table[name] = toPlain((value as Headers)[name] as HeaderValue);
  return isWrapper(Object.keys(table)) ? { $table: table } : table;
}

function unwrap(name: string, inner: unknown, depth: number): HeaderValue {
  if (name === '$table') return fromTable(inner as object, depth);
  const text = String(inner);
  if (name === '$bytes') return Buffer.from(text, 'base64');
  return name === '$bigint' ? BigInt(text) : Number(text);
}

function fromTable(table: object, depth: number): HeaderValue {
  const values: Record<string, HeaderValue> = Object.create(null);
  for (const name of Object.keys(table)) {
    values[name] = fromPlain((table as Record<string, unknown>)[name], depth + 1);
  }
  return values;
}

function fromPlain(value: unknown, depth: number): HeaderValue {
  if (value === null || typeof value !== 'object') return value as HeaderValue;
  if (depth > MAX_DEPTH) throw new RangeError('the header is nested too deeply');
  if (Array.isArray(value)) return value.map((inner) => fromPlain(inner, depth + 1));
  const names = Object.keys(value);
  const only = names[0] as string;
  return isWrapper(names)
    ? unwrap(only, (value as Record<string, unknown>)[only], depth + 1)
    : fromTable(value, depth);
}

/** Headers as plain JSON values; what is no text keeps its type by a wrapper, as {@link fromPlainHeaders} reads it. */
export function toPlainHeaders(headers: Headers): Record<string, unknown> {
  const plain: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(headers)) plain[name] = toPlain(headers[name] as HeaderValue);
  return plain;
}

/** The inverse of {@link toPlainHeaders}. Throws for tables that are nested too deeply and for broken numbers. */
export const fromPlainHeaders = (plain: object): Headers => fromTable(plain, 0) as Headers;

const toJson = (value: HeaderValue): string => JSON.stringify(toPlain(value));

const fromJson = (text: string): HeaderValue => fromPlain(JSON.parse(text), 0);

/**
 * Headers for a broker that carries bytes only. Strings travel as they are; the type of every other value is noted in
 * `bc-header-types`, so that it comes back as it was. Returns the same object when there is nothing to note.
 */
export function toByteHeaders(headers: Headers): Readonly<Record<string, ByteHeader>> {
  let encoded: Record<string, ByteHeader> | null = null;
  const types: Record<string, Noted> = Object.create(null);
  for (const name in headers) {
    const value = headers[name] as HeaderValue;
    if (typeof value === 'string' || !Object.hasOwn(headers, name)) continue;
    encoded ??= copyHeaders(headers) as Record<string, ByteHeader>;
    if (Buffer.isBuffer(value)) {
      types[name] = 'bytes';
    } else {
      types[name] = value === null ? 'null' : 'json';
      encoded[name] = value === null ? '' : toJson(value);
    }
  }
  if (encoded === null) return headers as Record<string, string>;
  encoded[HEADERS.headerTypes] = JSON.stringify(types);
  return encoded;
}

/** What a client hands over for one header: bytes, text, several of them, or nothing. */
export type RawByteHeader = Buffer | string | readonly (Buffer | string)[] | null | undefined;

function readTypes(raw: RawByteHeader): Record<string, unknown> {
  if (raw === null || raw === undefined || Array.isArray(raw)) return {};
  try {
    const types: unknown = JSON.parse(raw.toString());
    return typeof types === 'object' && types !== null ? copyHeaders(types as Record<string, unknown>) : {};
  } catch {
    return {}; // a foreign or broken note: the values are then read like those of any foreign producer
  }
}

function decode(raw: RawByteHeader, type: unknown): HeaderValue {
  if (raw === null || raw === undefined) return null;
  if (Array.isArray(raw)) return raw.map((one: Buffer | string) => decode(one, type));
  if (type === 'null') return null;
  const bytes = raw as Buffer | string;
  if (type === 'bytes') return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
  if (type === 'json') {
    try {
      return fromJson(bytes.toString());
    } catch {
      return bytes.toString();
    }
  }
  if (typeof bytes === 'string') return bytes;
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}

/**
 * The inverse of {@link toByteHeaders}. Values of foreign producers, without a note, are strings if they are valid
 * UTF-8 and Buffers otherwise; a repeated name gives an array.
 */
export function fromByteHeaders(raw: Readonly<Record<string, RawByteHeader>>): Headers {
  const headers: Record<string, HeaderValue> = Object.create(null);
  const types = Object.hasOwn(raw, HEADERS.headerTypes) ? readTypes(raw[HEADERS.headerTypes]) : undefined;
  for (const name of Object.keys(raw)) {
    if (name !== HEADERS.headerTypes) headers[name] = decode(raw[name], types?.[name]);
  }
  return headers;
}
