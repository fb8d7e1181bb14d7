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

/** A copy with a null prototype, own properties only. */
export function copyHeaders(raw: Readonly<Record<string, unknown>>): Record<string, HeaderValue> {
  const copy: Record<string, HeaderValue> = Object.create(null);
  for (const name of Object.keys(raw)) copy[name] = raw[name] as HeaderValue;
  return copy;
}

type ByteHeader = string | Buffer;
type Noted = 'bytes' | 'null' | 'json';

/** JSON for what bytes cannot say; Buffers and bigints inside are wrapped. */
function toJson(value: HeaderValue): string {
  return JSON.stringify(value, (_, inner) => {
    if (typeof inner === 'bigint') return { $bigint: inner.toString() };
    if (inner?.type === 'Buffer' && Array.isArray(inner.data)) {
      return { $bytes: Buffer.from(inner.data).toString('base64') };
    }
    return inner;
  });
}

function fromJson(text: string): HeaderValue {
  return JSON.parse(text, (_, inner) => {
    if (typeof inner?.$bigint === 'string') return BigInt(inner.$bigint);
    if (typeof inner?.$bytes === 'string') return Buffer.from(inner.$bytes, 'base64');
    return inner;
  });
}

/**
 * Headers for a broker that carries bytes only. Strings travel as they are; the type of every other value is noted in
 * `bc-header-types`, so that it comes back as it was. Returns the same object when there is nothing to note.
 */
export function toByteHeaders(headers: Headers): Readonly<Record<string, ByteHeader>> {
  let encoded: Record<string, ByteHeader> | null = null;
  const types: Record<string, Noted> = Object.create(null);
  for (const name in headers) {
    const value = headers[name] as HeaderValue;
    if (typeof value === 'string') continue;
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
