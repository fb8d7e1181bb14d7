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
    // Buffer.toString replaces what is not UTF-8 silently, which would hand altered data to the handler.
    if (!isUtf8(body)) return { problem: 'the body is not UTF-8' };
    try {
      return { value: JSON.parse(body.toString('utf8')) };
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

/** Where parsing stopped; V8's own text would quote the body. */
function positionOf(error: unknown): string {
  return /position \d+/.exec(describeError(error))?.[0] ?? 'it ends too early';
}

/** The body is the caller's Buffer, unchanged. */
export const bytesCodec: Codec = {
  contentType: 'application/octet-stream',
  encode(value) {
    if (Buffer.isBuffer(value)) return value;
    throw new BuscouplerError('BC_MESSAGE_INVALID', 'A topic with codec "bytes" takes a Buffer.');
  },
  decode: (body) => ({ value: body }),
};

/** The codec of a topic. */
export const codecOf = (topic: { readonly codec: 'json' | 'bytes' }): Codec =>
  topic.codec === 'json' ? jsonCodec : bytesCodec;
