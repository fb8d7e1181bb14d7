import { isUtf8 } from 'node:buffer';
import { BuscouplerError, describeError } from '../contract/errors.js';

/** A decoded body, or why it is none. */
export type Decoded = { readonly value: unknown } | { readonly problem: string };

/** Turns values into bytes and back. */
export interface Codec {
  readonly contentType: string;
  /** Throws BC_MESSAGE_INVALID. */
  encode(value: unknown): Buffer;
  decode(body: Buffer): Decoded;
}

/** What decoders put for bytes that are not UTF-8; valid text can hold it too. */
const REPLACEMENT = '\ufffd';

/** The wire body is the caller's JSON and nothing else, so that foreign producers and consumers interoperate. */
export const jsonCodec: Codec = {
  contentType: 'application/json',
  encode(value) {
    const text = stringify(value);
    if (text === undefined)
      throw new BuscouplerError('BC_MESSAGE_INVALID', `A ${typeof value} is no JSON value.`);
    return Buffer.from(text);
  },
  decode(body) {
    const text = body.toString('utf8');
    // What is not UTF-8 becomes U+FFFD silently, which would hand altered data to the handler. Looking for it in the
    // text is cheaper than looking through the bytes of every message.
    if (text.includes(REPLACEMENT) && !isUtf8(body)) return { problem: 'the body is not UTF-8' };
    try {
      return { value: JSON.parse(text) };
    } catch (error) {
      return { problem: `the body of ${body.length} bytes is not JSON (${positionOf(error)})` };
    }
  },
};

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new BuscouplerError(
      'BC_MESSAGE_INVALID',
      `The message cannot be written as JSON (${describeError(error)}).`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Where parsing stopped. V8's own text may quote the body, a part of which can look like a position: only the form that
 * quotes nothing is read.
 */
function positionOf(error: unknown): string {
  const text = describeError(error);
  if (text.startsWith('Unexpected end of')) return 'it ends too early';
  return /^[^"]*(position \d+)(?: \(line \d+ column \d+\))?$/.exec(text)?.[1] ?? 'at an unexpected character';
}

/** The body is the caller's Buffer, unchanged; copied, because a change by its owner must not reach retries and copies. */
export const bytesCodec: Codec = {
  contentType: 'application/octet-stream',
  encode(value) {
    if (Buffer.isBuffer(value)) return Buffer.from(value);
    throw new BuscouplerError('BC_MESSAGE_INVALID', 'A topic with codec "bytes" takes a Buffer.');
  },
  decode: (body) => ({ value: Buffer.from(body) }),
};

/** The codec of a topic. */
export const codecOf = (topic: { readonly codec: 'json' | 'bytes' }): Codec =>
  topic.codec === 'json' ? jsonCodec : bytesCodec;
