/** Tables and lists are decoded to this depth: no letter of ours and no broker goes deeper than 3. */
const DEPTH_MAX = 16;

/** Bytes that are read from front to back. Reading beyond the end throws a RangeError of Node.js. */
class Reader {
  readonly bytes: Buffer;
  at = 0;
  /** Something below the greatest depth was left out. */
  isCut = false;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.bytes.length) throw new RangeError('it ends too early');
    const part = this.bytes.subarray(this.at, end);
    this.at = end;
    return part;
  }

  shortText(): string {
    return this.take(this.take(1).readUInt8()).toString('utf8');
  }

  longBytes(): Buffer {
    return this.take(this.take(4).readUInt32BE());
  }
}

type Decode = (reader: Reader, depth: number) => unknown;

/** RabbitMQ's types of header values by their tag, as amqplib gives them. */
const VALUES: Readonly<Record<string, Decode>> = {
  t: (reader) => reader.take(1)[0] !== 0,
  b: (reader) => reader.take(1).readInt8(),
  B: (reader) => reader.take(1).readUInt8(),
  s: (reader) => reader.take(2).readInt16BE(),
  u: (reader) => reader.take(2).readUInt16BE(),
  I: (reader) => reader.take(4).readInt32BE(),
  i: (reader) => reader.take(4).readUInt32BE(),
  l: (reader) => Number(reader.take(8).readBigInt64BE()),
  f: (reader) => reader.take(4).readFloatBE(),
  d: (reader) => reader.take(8).readDoubleBE(),
  D: (reader) => {
    const places = reader.take(1).readUInt8();
    return { '!': 'decimal', value: { places, digits: reader.take(4).readUInt32BE() } };
  },
  T: (reader) => ({ '!': 'timestamp', value: Number(reader.take(8).readBigUInt64BE()) }),
  S: (reader) => reader.longBytes().toString('utf8'),
  x: (reader) => reader.longBytes(),
  V: () => null,
  F: (reader, depth) => inside(reader, depth, readTable),
  A: (reader, depth) => inside(reader, depth, readList),
};

/** A table or list: its length comes first, so that one too deep is stepped over without looking into it. */
function inside(reader: Reader, depth: number, read: Decode): unknown {
  const bytes = reader.longBytes();
  if (depth >= DEPTH_MAX) {
    reader.isCut = true;
    return null;
  }
  const inner = new Reader(bytes);
  const value = read(inner, depth + 1);
  if (inner.isCut) reader.isCut = true;
  return value;
}

function readValue(reader: Reader, depth: number): unknown {
  const tag = String.fromCharCode(reader.take(1).readUInt8());
  const decode = VALUES[tag];
  if (decode === undefined) throw new TypeError(`it has a value of the unknown type "${tag}"`);
  return decode(reader, depth);
}

function readTable(reader: Reader, depth: number): Record<string, unknown> {
  const table: Record<string, unknown> = Object.create(null);
  while (reader.at < reader.bytes.length) {
    const name = reader.shortText();
    table[name] = readValue(reader, depth);
  }
  return table;
}

function readList(reader: Reader, depth: number): unknown[] {
  const list: unknown[] = [];
  while (reader.at < reader.bytes.length) list.push(readValue(reader, depth));
  return list;
}

/** The properties of AMQP's class `basic` in the order of their flags, the first flag being the highest bit. */
const PROPERTIES: readonly (readonly [name: string, decode: (reader: Reader) => unknown])[] = [
  ['contentType', (reader) => reader.shortText()],
  ['contentEncoding', (reader) => reader.shortText()],
  ['headers', (reader) => reader.longBytes()],
  ['deliveryMode', (reader) => reader.take(1).readUInt8()],
  ['priority', (reader) => reader.take(1).readUInt8()],
  ['correlationId', (reader) => reader.shortText()],
  ['replyTo', (reader) => reader.shortText()],
  ['expiration', (reader) => reader.shortText()],
  ['messageId', (reader) => reader.shortText()],
  ['timestamp', (reader) => Number(reader.take(8).readBigUInt64BE())],
  ['type', (reader) => reader.shortText()],
  ['userId', (reader) => reader.shortText()],
  ['appId', (reader) => reader.shortText()],
  ['clusterId', (reader) => reader.shortText()],
];

/** Properties as far as they can be decoded, and what could not be. */
export interface BoundedProperties {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly problem: string;
}

const CUT = `The headers are nested more than ${DEPTH_MAX} levels deep; what lies deeper is not shown.`;

function readHeaders(bytes: Buffer): { headers: Record<string, unknown>; problem: string } {
  const reader = new Reader(bytes);
  try {
    const headers = readTable(reader, 0);
    return { headers, problem: reader.isCut ? CUT : 'The headers cannot be decoded by the client library.' };
  } catch (error) {
    return { headers: {}, problem: `The header table cannot be decoded: ${(error as Error).message}.` };
  }
}

/**
 * Decodes the properties of a message that amqplib cannot: in bounded depth, and each by itself, so that an id survives
 * headers that are broken. `bytes` begin with the property flags. Never throws.
 */
export function boundedProperties(bytes: Buffer): BoundedProperties {
  const reader = new Reader(bytes);
  const properties: Record<string, unknown> = {};
  let problem = 'The properties cannot be decoded.';
  try {
    const flags = reader.take(2).readUInt16BE();
    PROPERTIES.forEach(([name, decode], index) => {
      if ((flags & (0x8000 >> index)) !== 0) properties[name] = decode(reader);
    });
  } catch {
    // What was read before stays.
  }
  if (Buffer.isBuffer(properties.headers)) {
    const read = readHeaders(properties.headers);
    properties.headers = read.headers;
    problem = read.problem;
  }
  return { properties, problem };
}
