import { isUtf8 } from 'node:buffer';
import type { ExportedLetter } from '../contract/dead-letter-desk.js';
import { BuscouplerError, describeError } from '../contract/errors.js';
import type { Headers } from '../contract/message.js';
import { fromPlainHeaders, toPlainHeaders } from '../messages/headers.js';
import type { DeskLetter } from './desk-letter.js';
import type { MessageParts } from './replay-message.js';

/** Most bytes of lines that a replay takes back at once: mended letters are kept in memory until theirs is met. */
const LINES_MAX_BYTES = 64 * 1024 * 1024;

/** A letter whole. Bytes that are UTF-8 are shown as text, others as base64. */
export function toExported({ stored, summary }: DeskLetter): ExportedLetter {
  const { key, contentType, headers, body } = stored.message;
  return { ...summary, key, contentType, headers: toPlainHeaders(headers), body: toText(body) };
}

function toText(body: Buffer | null): ExportedLetter['body'] {
  if (body === null) return null;
  return isUtf8(body) ? { utf8: body.toString('utf8') } : { base64: body.toString('base64') };
}

/** A letter as it came back from a file. */
export interface MendedLetter extends MessageParts {
  readonly ref: string;
  readonly id: string | null;
  readonly consumer: string | null;
  readonly replayCount: number;
}

function refuse(line: number, what: string): never {
  throw new BuscouplerError('BC_MESSAGE_INVALID', `Line ${line} is no exported letter: ${what}.`);
}

/** Reads the lines of an export back, by reference. Throws BC_MESSAGE_INVALID naming the line. */
export async function readMended(
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<ReadonlyMap<string, MendedLetter>> {
  const mended = new Map<string, MendedLetter>();
  let number = 0;
  let bytes = 0;
  for await (const text of lines) {
    number += 1;
    if (text.trim() === '') continue;
    bytes += text.length;
    if (bytes > LINES_MAX_BYTES) refuse(number, 'the file is over 64 MiB; split it');
    const letter = parseLine(text, number);
    if (mended.has(letter.ref)) refuse(number, `${letter.ref} is there twice`);
    mended.set(letter.ref, letter);
  }
  return mended;
}

function parseLine(text: string, line: number): MendedLetter {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    refuse(line, 'it is no JSON');
  }
  if (typeof parsed !== 'object' || parsed === null) refuse(line, 'it is no object');
  const { ref, id, consumer, replayCount, key, contentType, headers, body } = parsed as Record<
    string,
    unknown
  >;
  const textOrNull = (value: unknown, name: string): string | null =>
    value === null || typeof value === 'string' ? value : refuse(line, `${name} is no text`);
  if (typeof ref !== 'string') refuse(line, 'ref is missing');
  if (typeof replayCount !== 'number') refuse(line, 'replayCount is no number');
  return {
    ref,
    id: textOrNull(id, 'id'),
    consumer: textOrNull(consumer, 'consumer'),
    replayCount,
    key: textOrNull(key, 'key'),
    contentType: textOrNull(contentType, 'contentType'),
    headers: readHeaders(headers, line),
    body: readBody(body, line),
  };
}

function readHeaders(headers: unknown, line: number): Headers {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    refuse(line, 'headers is no table');
  try {
    return fromPlainHeaders(headers);
  } catch (error) {
    return refuse(line, `headers cannot be read (${describeError(error)})`);
  }
}

function readBody(body: unknown, line: number): Buffer | null {
  if (body === null) return null;
  const { utf8, base64 } = (typeof body === 'object' ? body : {}) as { utf8?: unknown; base64?: unknown };
  if (typeof utf8 === 'string' && base64 === undefined) return Buffer.from(utf8);
  if (typeof base64 === 'string' && utf8 === undefined && /^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    return Buffer.from(base64, 'base64');
  return refuse(line, 'body is neither null nor {"utf8": text} nor {"base64": text}');
}
