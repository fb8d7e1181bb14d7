import type { WireRequest } from 'kafkajs/src/network/connectionPool.js';
import type { PartitionAnswer, PartitionBatch } from './driver.js';
import { type BatchCodec, batchCapacity, compressBatch, writeBatch } from './record-batch.js';
import { WireReader } from './wire-reader.js';

const PRODUCE = 0;
/** The first version that takes zstd; Kafka 2.1 to 4.x and later know it. */
const VERSION = 7;
/** Every in-sync replica has it. */
const ACKS_ALL = -1;

/** Answer of a produce request. */
export interface ProduceAnswer {
  readonly clientSideThrottleTime: number;
  readonly partitions: readonly PartitionAnswer[];
}

/** Batches of one topic stand together in a request. */
function groupByTopic(batches: readonly PartitionBatch[]): Map<string, PartitionBatch[]> {
  const topics = new Map<string, PartitionBatch[]>();
  for (const batch of batches) {
    const group = topics.get(batch.topic);
    if (group === undefined) topics.set(batch.topic, [batch]);
    else group.push(batch);
  }
  return topics;
}

function writeShortText(buffer: Buffer, text: string, at: number): number {
  const bytes = buffer.write(text, at + 2);
  buffer.writeInt16BE(bytes, at);
  return at + 2 + bytes;
}

function capacityOf(
  topics: ReadonlyMap<string, readonly PartitionBatch[]>,
  packed: readonly Buffer[],
): number {
  let bytes = 16;
  for (const [topic, batches] of topics) {
    bytes += 6 + Buffer.byteLength(topic);
    for (const batch of batches) bytes += 8 + (packed.length > 0 ? 0 : batchCapacity(batch.records));
  }
  for (const batch of packed) bytes += batch.length;
  return bytes;
}

function encode(topics: ReadonlyMap<string, readonly PartitionBatch[]>, packed: Buffer[], timeoutMs: number) {
  const buffer = Buffer.allocUnsafe(capacityOf(topics, packed));
  let at = buffer.writeInt16BE(-1, 0); // no transactional id
  at = buffer.writeInt16BE(ACKS_ALL, at);
  at = buffer.writeInt32BE(timeoutMs, at);
  at = buffer.writeInt32BE(topics.size, at);
  let nextPacked = 0;
  for (const [topic, batches] of topics) {
    at = writeShortText(buffer, topic, at);
    at = buffer.writeInt32BE(batches.length, at);
    for (const batch of batches) {
      at = buffer.writeInt32BE(batch.partition, at);
      const start = at + 4;
      const ready = packed[nextPacked];
      const end =
        ready === undefined ? writeBatch(buffer, batch.records, start) : start + ready.copy(buffer, start);
      nextPacked += 1;
      buffer.writeInt32BE(end - start, at);
      at = end;
    }
  }
  return buffer.subarray(0, at);
}

/** Reads what the broker says of every partition; the offsets are of no use to us. */
export function decodeProduceAnswer(payload: Buffer): ProduceAnswer {
  const reader = new WireReader(payload);
  const partitions: PartitionAnswer[] = [];
  for (let topics = reader.int32(); topics > 0; topics -= 1) {
    const topic = reader.text();
    for (let count = reader.int32(); count > 0; count -= 1) {
      partitions.push({ topic, partition: reader.int32(), errorCode: reader.int16() });
      reader.skip(8 + 8 + 8); // base offset, append time, first offset of the log
    }
  }
  return { clientSideThrottleTime: reader.int32(), partitions };
}

/** How to produce. */
export interface ProduceOptions {
  /** How long the broker may wait for its replicas, ms. */
  readonly timeoutMs: number;
  readonly codec: BatchCodec | null;
}

/**
 * A produce request of ours instead of the client's `send`: that one forgets which partitions failed, repeats requests
 * in part, and resolves for partitions that it never wrote.
 */
export async function createProduceRequest(
  batches: readonly PartitionBatch[],
  { timeoutMs, codec }: ProduceOptions,
): Promise<WireRequest<ProduceAnswer>> {
  const topics = groupByTopic(batches);
  const packed: Buffer[] = [];
  if (codec !== null) {
    for (const group of topics.values()) {
      for (const batch of group) packed.push(await compressBatch(batch.records, codec));
    }
  }
  return {
    request: {
      apiKey: PRODUCE,
      apiVersion: VERSION,
      apiName: 'Produce',
      encode: async () => {
        const bytes = encode(topics, packed, timeoutMs);
        return { buf: bytes, buffer: bytes };
      },
    },
    response: { decode: async (payload) => decodeProduceAnswer(payload), parse: async (answer) => answer },
  };
}
