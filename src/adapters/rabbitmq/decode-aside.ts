import { boundedProperties } from './bounded-properties.js';

/** What amqplib's connection does without declaring it: bytes that arrived, and the next frame out of them. */
interface FrameSource {
  rest: Buffer;
  /** `false`: no whole frame is there. Throws what decoding throws, after it has stepped over the frame. */
  recvFrame(): unknown;
}

/** AMQP: one octet type, two channel, four size, the payload, one octet end. */
const FRAME = { header: 2, prefixBytes: 7, endBytes: 1 } as const;

/** Class `basic`, as the frame of a content header names it. */
const BASIC = 60;

/** Octets of a content header before the property flags: class, weight, body size. */
const CONTENT_PREFIX_BYTES = 12;

/** The first frame of the bytes if it is a whole content header. */
function contentHeaderIn(bytes: Buffer): Buffer | null {
  if (bytes.length < FRAME.prefixBytes || bytes[0] !== FRAME.header) return null;
  const length = FRAME.prefixBytes + bytes.readUInt32BE(3) + FRAME.endBytes;
  return bytes.length < length ? null : bytes.subarray(0, length);
}

/** A connection of amqplib's, of either of its interfaces. */
export interface ClientConnection {
  readonly client: { readonly connection: object };
}

/** What is wrong with a message, by its properties; undefined: nothing. */
export type ProblemOf = (properties: object) => string | undefined;

/**
 * Makes this one connection survive messages whose properties amqplib cannot decode (nested so deeply that it runs out
 * of stack): they are decoded in bounded depth and arrive like others. Not for consuming: a handler would get a message
 * that is not whole.
 */
export function decodeAside({ client }: ClientConnection): ProblemOf {
  const problems = new WeakMap<object, string>();
  const source = client.connection as unknown as FrameSource;
  const receive = source.recvFrame;
  source.recvFrame = () => {
    const before = source.rest;
    const frame = contentHeaderIn(before);
    try {
      return receive.call(source);
    } catch (error) {
      if (frame === null || source.rest === before) throw error;
      const payload = frame.subarray(FRAME.prefixBytes, -FRAME.endBytes);
      const { properties, problem } = boundedProperties(payload.subarray(CONTENT_PREFIX_BYTES));
      problems.set(properties, problem);
      const size = Number(payload.readBigUInt64BE(4));
      return { id: BASIC, channel: frame.readUInt16BE(1), size, fields: properties };
    }
  };
  return (properties) => problems.get(properties);
}
