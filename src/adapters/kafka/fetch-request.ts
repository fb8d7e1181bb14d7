import type { WireRequest } from 'kafkajs/src/network/connectionPool.js';
import type { PlaceToRead, RawBatch } from './driver.js';
import { protocolErrorNamed } from './protocol-errors.js';
import { WireReader } from './wire-reader.js';

const FETCH = 1;
/** The oldest version that Kafka 4 still answers. */
const VERSION = 4;
const NO_ERROR = 0;
const OFFSET_OUT_OF_RANGE = 1;
const CONSUMER = -1;
const READ_COMMITTED = 1;

/** Where a batch head of the current format keeps what is read here (Kafka's "Record Batch"). */
const SIZE_AT = 8;
const MAGIC_AT = 16;
const LAST_OFFSET_DELTA_AT = 23;
const HEAD_BYTES = 27;
const SIZE_END = 12;

/** An answer with at most one batch. */
export interface RawFetch {
  readonly clientSideThrottleTime: number;
  /** `null`: there is nothing at the offset. */
  readonly batch: RawBatch | null;
}

/** Reads the head of the first batch; `null`: there is none. */
export function readBatchHead(bytes: Buffer): RawBatch | null {
  if (bytes.length < HEAD_BYTES) return null;
  const firstOffset = bytes.readBigInt64BE(0);
  const size = SIZE_END + bytes.readInt32BE(SIZE_AT);
  // Batches of the formats before 2 bear the offset of their last record.
  const delta = bytes.readInt8(MAGIC_AT) >= 2 ? bytes.readInt32BE(LAST_OFFSET_DELTA_AT) : 0;
  return { firstOffset, lastOffset: firstOffset + BigInt(delta), bytes: bytes.subarray(0, size) };
}

function decode(payload: Buffer): RawFetch {
  const reader = new WireReader(payload);
  const clientSideThrottleTime = reader.int32();
  if (reader.int32() < 1) return { clientSideThrottleTime, batch: null };
  reader.text(); // topic
  if (reader.int32() < 1) return { clientSideThrottleTime, batch: null };
  reader.skip(4); // partition
  const errorCode = reader.int16();
  if (errorCode === OFFSET_OUT_OF_RANGE) return { clientSideThrottleTime, batch: null };
  if (errorCode !== NO_ERROR) throw protocolErrorNamed(errorCode);
  reader.skip(8 + 8); // high watermark, last stable offset
  reader.skip(16 * Math.max(0, reader.int32())); // aborted transactions
  return { clientSideThrottleTime, batch: readBatchHead(reader.bytes()) };
}

function encode({ topic, partition, offset }: PlaceToRead): Buffer {
  const name = Buffer.from(topic);
  const bytes = Buffer.alloc(17 + 4 + 2 + name.length + 4 + 16);
  let at = bytes.writeInt32BE(CONSUMER, 0);
  at += 4; // the answer does not wait
  at += 4; // nor for any number of bytes
  // One byte: the broker answers with the first batch, whatever its size, and no other.
  at = bytes.writeInt32BE(1, at);
  at = bytes.writeInt8(READ_COMMITTED, at);
  at = bytes.writeInt32BE(1, at);
  at = bytes.writeInt16BE(name.length, at);
  at += name.copy(bytes, at);
  at = bytes.writeInt32BE(1, at);
  at = bytes.writeInt32BE(partition, at);
  at = bytes.writeBigInt64BE(offset, at);
  bytes.writeInt32BE(1, at);
  return bytes;
}

/** Asks for the batch that holds an offset, as it is: the client's own request decodes what it reads. */
export function createFetchRequest(place: PlaceToRead): WireRequest<RawFetch> {
  const bytes = encode(place);
  return {
    request: {
      apiKey: FETCH,
      apiVersion: VERSION,
      apiName: 'Fetch',
      encode: async () => ({ buf: bytes, buffer: bytes }),
    },
    response: { decode: async (payload) => decode(payload), parse: async (data) => data },
  };
}
