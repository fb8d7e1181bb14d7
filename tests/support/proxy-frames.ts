/** What a proxy understands of the bytes: nothing, Kafka's protocol, or AMQP 0-9-1. */
export type ProxyProtocol = 'bytes' | 'kafka' | 'amqp';

/** Towards the server, or towards the client. */
export type ProxyDirection = 'request' | 'reply';

/** A piece that is passed or dropped whole. */
export interface ProxyFrame {
  /** `produce`, `metadata`, … for Kafka (a reply has its request's name), `basic.ack`, `header`, … for AMQP, else `bytes`. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** Cuts a stream into frames; an incomplete frame stays until the rest arrives. */
export type FrameReader = (chunk: Buffer) => ProxyFrame[];

/** The readers of one connection's two directions; they share what a reply can only be understood by. */
export function frameReaders(protocol: ProxyProtocol): Record<ProxyDirection, FrameReader> {
  if (protocol === 'kafka') return kafkaReaders();
  if (protocol === 'amqp')
    return { request: framesOf(amqpLength, amqpName), reply: framesOf(amqpLength, amqpName) };
  const whole: FrameReader = (bytes) => [{ name: 'bytes', bytes }];
  return { request: whole, reply: whole };
}

/** The names of the requests that tests aim at, by api key; the others are called `api-<key>`. */
const KAFKA_APIS: Readonly<Record<number, string>> = {
  0: 'produce',
  1: 'fetch',
  2: 'list-offsets',
  3: 'metadata',
  8: 'offset-commit',
  9: 'offset-fetch',
  10: 'find-coordinator',
  11: 'join-group',
  12: 'heartbeat',
  13: 'leave-group',
  14: 'sync-group',
  17: 'sasl-handshake',
  18: 'api-versions',
  19: 'create-topics',
  22: 'init-producer-id',
  24: 'add-partitions-to-txn',
  26: 'end-txn',
  36: 'sasl-authenticate',
};

/**
 * Kafka's frames: a request is size int32, api key int16, version int16, correlation id int32, …; a reply is size
 * int32, correlation id int32, … (Kafka protocol guide, "Protocol Primitive Types" and "Headers").
 */
function kafkaReaders(): Record<ProxyDirection, FrameReader> {
  const asked = new Map<number, string>();
  const nameRequest = (bytes: Buffer): string => {
    const key = bytes.readInt16BE(4);
    const name = KAFKA_APIS[key] ?? `api-${key}`;
    asked.set(bytes.readInt32BE(8), name);
    return name;
  };
  const nameReply = (bytes: Buffer): string => {
    const correlationId = bytes.readInt32BE(4);
    const name = asked.get(correlationId) ?? 'unasked';
    asked.delete(correlationId);
    return name;
  };
  return { request: framesOf(kafkaLength, nameRequest), reply: framesOf(kafkaLength, nameReply) };
}

function kafkaLength(bytes: Buffer): number | undefined {
  return bytes.length < 4 ? undefined : 4 + bytes.readInt32BE(0);
}

/** AMQP 0-9-1, section 2.3: a protocol header of 8 bytes, then type, channel int16, size int32, payload, end octet. */
function amqpLength(bytes: Buffer): number | undefined {
  if (bytes.length < 7) return undefined;
  return bytes.toString('latin1', 0, 4) === 'AMQP' ? 8 : 8 + bytes.readUInt32BE(3);
}

/** The methods that tests aim at, by class and method id; the others are called `method-<class>.<method>`. */
const AMQP_METHODS: Readonly<Record<string, string>> = {
  '10.40': 'connection.open',
  '10.50': 'connection.close',
  '10.60': 'connection.blocked',
  '20.10': 'channel.open',
  '20.40': 'channel.close',
  '40.11': 'exchange.declare-ok',
  '50.11': 'queue.declare-ok',
  '50.21': 'queue.bind-ok',
  '60.21': 'basic.consume-ok',
  '60.40': 'basic.publish',
  '60.50': 'basic.return',
  '60.60': 'basic.deliver',
  '60.80': 'basic.ack',
  '60.120': 'basic.nack',
  '85.11': 'confirm.select-ok',
};

function amqpName(bytes: Buffer): string {
  const type = bytes.readUInt8(0);
  if (type === 2) return 'content-header';
  if (type === 3) return 'content-body';
  if (type === 8) return 'heartbeat';
  if (type !== 1) return 'protocol-header';
  const method = `${bytes.readUInt16BE(7)}.${bytes.readUInt16BE(9)}`;
  return AMQP_METHODS[method] ?? `method-${method}`;
}

function framesOf(
  lengthOf: (bytes: Buffer) => number | undefined,
  nameOf: (bytes: Buffer) => string,
): FrameReader {
  let parts: Buffer[] = [];
  let held = 0;
  let wanted = 0;
  return (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    if (held < wanted) return [];
    let rest = Buffer.concat(parts, held);
    const frames: ProxyFrame[] = [];
    let length = lengthOf(rest);
    while (length !== undefined && rest.length >= length) {
      const bytes = rest.subarray(0, length);
      frames.push({ name: nameOf(bytes), bytes });
      rest = rest.subarray(length);
      length = lengthOf(rest);
    }
    parts = [rest];
    held = rest.length;
    wanted = length ?? 0;
    return frames;
  };
}
