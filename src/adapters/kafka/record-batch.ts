import { crc32c } from './crc32c.js';
import type { ProduceRecord } from './driver.js';
import { sizeOfVarint, writeVarint } from './varint.js';

/** Bytes of a batch before its records (Kafka's record batch format, magic 2). */
export const BATCH_OVERHEAD_BYTES = 61;
/** Most bytes that a record takes beside key, value and headers: length, attributes, two deltas, two lengths. */
export const RECORD_OVERHEAD_BYTES = 5 + 1 + 5 + 5 + 5 + 5;
const MAGIC = 2;
const NO_PRODUCER = -1;
/** Farthest that two records of one batch may lie apart, ms: distances are written as 31 bits with a sign. */
export const BATCH_SPAN_MAX_MS = 0x1fffffff;

const AT_LENGTH = 8;
const AT_CRC = 17;
const AT_ATTRIBUTES = 21;

/** Compresses the records of a batch. */
export interface BatchCodec {
  /** The number by which the format knows it. */
  readonly attributes: number;
  compress(records: Buffer): Promise<Buffer>;
}

/** Most bytes that the batch can take. */
export function batchCapacity(records: readonly ProduceRecord[]): number {
  let bytes = BATCH_OVERHEAD_BYTES;
  for (const record of records) {
    bytes += RECORD_OVERHEAD_BYTES + record.keyBytes + (record.value?.length ?? 0) + record.headersBytes;
  }
  return bytes;
}

/** Bytes of the headers on the wire, their count included. */
export function sizeOfHeaders(headers: Readonly<Record<string, string | Buffer>>): number {
  let count = 0;
  let bytes = 0;
  for (const name in headers) {
    const value = headers[name] as string | Buffer;
    const nameBytes = Buffer.byteLength(name);
    const valueBytes = typeof value === 'string' ? Buffer.byteLength(value) : value.length;
    bytes += sizeOfVarint(nameBytes) + nameBytes + sizeOfVarint(valueBytes) + valueBytes;
    count += 1;
  }
  return bytes + sizeOfVarint(count);
}

/** Writes a text of which the size in bytes is known; pure ASCII takes the short way. */
function writeText(buffer: Buffer, text: string, { at, bytes }: { at: number; bytes: number }): number {
  buffer.write(text, at, bytes, bytes === text.length ? 'latin1' : 'utf8');
  return at + bytes;
}

/** A text with its length before it; -1 stands for null. */
function writeNullable(buffer: Buffer, text: string | Buffer | null, start: number): number {
  if (text === null) return writeVarint(buffer, -1, start);
  if (typeof text !== 'string') {
    const at = writeVarint(buffer, text.length, start);
    buffer.set(text, at);
    return at + text.length;
  }
  const bytes = Buffer.byteLength(text);
  return writeText(buffer, text, { at: writeVarint(buffer, bytes, start), bytes });
}

function writeHeaders(buffer: Buffer, headers: ProduceRecord['headers'], start: number): number {
  let count = 0;
  for (const _ in headers) count += 1;
  let at = writeVarint(buffer, count, start);
  for (const name in headers) {
    at = writeNullable(buffer, name, at);
    at = writeNullable(buffer, headers[name] as string | Buffer, at);
  }
  return at;
}

interface RecordPlace {
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  readonly at: number;
}

function writeRecord(buffer: Buffer, record: ProduceRecord, place: RecordPlace): number {
  const valueBytes = record.value?.length ?? 0;
  const size =
    1 +
    sizeOfVarint(place.timestampDelta) +
    sizeOfVarint(place.offsetDelta) +
    sizeOfVarint(record.key === null ? -1 : record.keyBytes) +
    record.keyBytes +
    sizeOfVarint(record.value === null ? -1 : valueBytes) +
    valueBytes +
    record.headersBytes;
  let at = writeVarint(buffer, size, place.at);
  buffer[at] = 0;
  at = writeVarint(buffer, place.timestampDelta, at + 1);
  at = writeVarint(buffer, place.offsetDelta, at);
  at = writeNullable(buffer, record.key, at);
  at = writeNullable(buffer, record.value, at);
  return writeHeaders(buffer, record.headers, at);
}

interface TimeSpan {
  readonly firstMs: number;
  readonly lastMs: number;
}

function timeSpanOf(records: readonly ProduceRecord[]): TimeSpan {
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { timestampMs } of records) {
    if (timestampMs < firstMs) firstMs = timestampMs;
    if (timestampMs > lastMs) lastMs = timestampMs;
  }
  return { firstMs, lastMs };
}

function writeRecords(buffer: Buffer, records: readonly ProduceRecord[], firstMs: number): number {
  let at = BATCH_OVERHEAD_BYTES;
  for (let index = 0; index < records.length; index += 1) {
    const record = records[index] as ProduceRecord;
    at = writeRecord(buffer, record, {
      offsetDelta: index,
      timestampDelta: record.timestampMs - firstMs,
      at,
    });
  }
  return at;
}

/** Fills in everything before the records, the checksum last. `batch` ends where its records end. */
function writeBatchHead(
  batch: Buffer,
  span: TimeSpan,
  { count, attributes }: { count: number; attributes: number },
) {
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - AT_LENGTH - 4, AT_LENGTH);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE(attributes, AT_ATTRIBUTES);
  batch.writeInt32BE(count - 1, 23);
  batch.writeBigInt64BE(BigInt(span.firstMs), 27);
  batch.writeBigInt64BE(BigInt(span.lastMs), 35);
  batch.writeBigInt64BE(BigInt(NO_PRODUCER), 43);
  batch.writeInt16BE(NO_PRODUCER, 51);
  batch.writeInt32BE(NO_PRODUCER, 53);
  batch.writeInt32BE(count, 57);
  batch.writeUInt32BE(crc32c(batch, AT_ATTRIBUTES), AT_CRC);
}

/** Writes an uncompressed batch at `at` and returns where it ends. The buffer has room for `batchCapacity`. */
export function writeBatch(buffer: Buffer, records: readonly ProduceRecord[], at: number): number {
  const span = timeSpanOf(records);
  const room = buffer.subarray(at);
  const end = writeRecords(room, records, span.firstMs);
  writeBatchHead(room.subarray(0, end), span, { count: records.length, attributes: 0 });
  return at + end;
}

/** A compressed batch as bytes of its own. */
export async function compressBatch(records: readonly ProduceRecord[], codec: BatchCodec): Promise<Buffer> {
  const span = timeSpanOf(records);
  const plain = Buffer.allocUnsafe(batchCapacity(records));
  const end = writeRecords(plain, records, span.firstMs);
  const packed = await codec.compress(plain.subarray(BATCH_OVERHEAD_BYTES, end));
  const batch = Buffer.allocUnsafe(BATCH_OVERHEAD_BYTES + packed.length);
  packed.copy(batch, BATCH_OVERHEAD_BYTES);
  writeBatchHead(batch, span, { count: records.length, attributes: codec.attributes });
  return batch;
}
