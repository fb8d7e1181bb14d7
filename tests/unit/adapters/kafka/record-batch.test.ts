import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { crc32c } from '../../../../src/adapters/kafka/crc32c.js';
import type { ProduceRecord } from '../../../../src/adapters/kafka/driver.js';
import { decodeProduceAnswer } from '../../../../src/adapters/kafka/produce-request.js';
import {
  batchCapacity,
  compressBatch,
  sizeOfHeaders,
  writeBatch,
} from '../../../../src/adapters/kafka/record-batch.js';
import { sizeOfVarint, writeVarint } from '../../../../src/adapters/kafka/varint.js';

const load = createRequire(`${process.cwd()}/package.json`);
const Decoder = load('kafkajs/src/protocol/decoder');
const decodeBatch = load('kafkajs/src/protocol/recordBatch/v0/decoder');
const Encoder = load('kafkajs/src/protocol/encoder');

type Headers = Record<string, string | Buffer>;

const toRecord = (part: {
  key: string | null;
  value: Buffer | null;
  headers: Headers;
  atMs: number;
}): ProduceRecord => ({
  key: part.key,
  keyBytes: part.key === null ? 0 : Buffer.byteLength(part.key),
  value: part.value,
  headers: part.headers,
  headersBytes: sizeOfHeaders(part.headers),
  timestampMs: part.atMs,
});

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const text = fc.string({ unit: 'binary', maxLength: 90 });
const someRecord = fc
  .record({
    key: fc.option(text),
    value: fc.option(bytes),
    headers: fc.dictionary(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((name) => !(name in {})),
      fc.oneof(text, bytes),
      { maxKeys: 5 },
    ),
    atMs: fc.integer({ min: 1_700_000_000_000, max: 1_700_400_000_000 }),
  })
  .map(toRecord);

interface DecodedRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly offset: string;
  readonly timestamp: string;
  readonly headers: Record<string, Buffer>;
}

const expectEqual = (decoded: readonly DecodedRecord[], records: readonly ProduceRecord[]): void => {
  expect(decoded).toHaveLength(records.length);
  for (const [index, record] of records.entries()) {
    const one = decoded[index] as DecodedRecord;
    expect(one.key?.toString() ?? null).toBe(record.key);
    expect(one.value).toEqual(record.value);
    expect(one.offset).toBe(String(index));
    expect(one.timestamp).toBe(String(record.timestampMs));
    const expected = Object.entries(record.headers).map(([name, value]) => [
      name,
      Buffer.from(value as string),
    ]);
    expect(Object.entries(one.headers)).toEqual(expected);
  }
};

describe('Kafka record batch', () => {
  test('the checksum is that of the specification', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.from('xx123456789yy'), 2, 11)).toBe(0xe3069283);
  });

  test('varints are written as the client writes them', () => {
    fc.assert(
      fc.property(fc.integer({ min: -0x40000000, max: 0x3fffffff }), (value) => {
        const buffer = Buffer.alloc(5);
        const end = writeVarint(buffer, value, 0);
        expect(end).toBe(sizeOfVarint(value));
        expect(buffer.subarray(0, end)).toEqual(new Encoder().writeVarInt(value).buffer);
      }),
    );
  });

  test('any records come back from a batch', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(someRecord, { minLength: 1, maxLength: 20 }), async (records) => {
        const buffer = Buffer.alloc(batchCapacity(records) + 7);
        const end = writeBatch(buffer, records, 7);
        expect(end).toBeLessThanOrEqual(buffer.length);
        const batch = buffer.subarray(7, end);
        expect(batch.readUInt32BE(17)).toBe(crc32c(batch, 21));
        expectEqual((await decodeBatch(new Decoder(batch))).records, records);
      }),
    );
  });

  test('a compressed batch says so and holds the packed records', async () => {
    const records = [toRecord({ key: 'k', value: Buffer.from('v'), headers: {}, atMs: 1_700_000_000_000 })];
    const packed = Buffer.from('packed');
    const batch = await compressBatch(records, { attributes: 3, compress: async () => packed });
    expect(batch.readInt16BE(21)).toBe(3);
    expect(batch.readInt32BE(57)).toBe(1);
    expect(batch.subarray(61)).toEqual(packed);
    expect(batch.readUInt32BE(17)).toBe(crc32c(batch, 21));
  });

  test('an answer is read partition by partition, and a cut one is an error', () => {
    const answer = new Encoder()
      .writeInt32(1)
      .writeString('orders')
      .writeInt32(2)
      .writeInt32(0)
      .writeInt16(0)
      .writeInt64(5)
      .writeInt64(-1)
      .writeInt64(0)
      .writeInt32(7)
      .writeInt16(10)
      .writeInt64(-1)
      .writeInt64(-1)
      .writeInt64(-1)
      .writeInt32(0).buffer;
    expect(decodeProduceAnswer(answer).partitions).toEqual([
      { topic: 'orders', partition: 0, errorCode: 0 },
      { topic: 'orders', partition: 7, errorCode: 10 },
    ]);
    for (let length = 0; length < answer.length; length += 1) {
      expect(() => decodeProduceAnswer(answer.subarray(0, length))).toThrow();
    }
  });
});
