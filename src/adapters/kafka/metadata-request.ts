import type { WireRequest } from 'kafkajs/src/network/connectionPool.js';
import type { PartitionInfo } from './driver.js';
import { WireReader } from './wire-reader.js';

const METADATA = 3;
const VERSION = 4;

/** Where a node listens. */
export interface NodeAddress {
  readonly node: number;
  readonly host: string;
  readonly port: number;
}

/** What a broker knows of the cluster and of one topic. */
export interface ClusterMetadata {
  readonly clientSideThrottleTime: number;
  readonly nodes: readonly NodeAddress[];
  /** The node that creates topics. */
  readonly controller: number;
  readonly topicErrorCode: number;
  readonly partitions: readonly PartitionInfo[];
}

/** Every topic that the user may see. */
export interface TopicNames {
  readonly clientSideThrottleTime: number;
  readonly topics: readonly string[];
}

function readNodes(reader: WireReader): NodeAddress[] {
  const nodes: NodeAddress[] = [];
  for (let count = reader.int32(); count > 0; count -= 1) {
    nodes.push({ node: reader.int32(), host: reader.text(), port: reader.int32() });
    reader.text(); // rack
  }
  return nodes;
}

function readPartitions(reader: WireReader): PartitionInfo[] {
  const partitions: PartitionInfo[] = [];
  for (let count = reader.int32(); count > 0; count -= 1) {
    reader.skip(2); // without a leader there is an error code too; the leader says it all
    const partition = reader.int32();
    const leader = reader.int32();
    const replicas = reader.int32();
    reader.skip(4 * replicas);
    reader.skip(4 * reader.int32()); // in-sync replicas
    partitions.push({ partition, leader, replicas });
  }
  return partitions.sort((a, b) => a.partition - b.partition);
}

/** Reads the answer for at most one topic. */
export function decodeMetadata(payload: Buffer): ClusterMetadata {
  const reader = new WireReader(payload);
  const clientSideThrottleTime = reader.int32();
  const nodes = readNodes(reader);
  reader.text(); // cluster id
  const controller = reader.int32();
  const cluster = { clientSideThrottleTime, nodes, controller };
  if (reader.int32() < 1) return { ...cluster, topicErrorCode: 0, partitions: [] };
  const topicErrorCode = reader.int16();
  reader.text();
  reader.int8(); // internal
  return { ...cluster, topicErrorCode, partitions: readPartitions(reader) };
}

/** Reads the names of an answer for all topics. */
export function decodeTopicNames(payload: Buffer): TopicNames {
  const reader = new WireReader(payload);
  const clientSideThrottleTime = reader.int32();
  readNodes(reader);
  reader.text(); // cluster id
  reader.int32(); // controller
  const topics: string[] = [];
  for (let count = reader.int32(); count > 0; count -= 1) {
    reader.int16();
    topics.push(reader.text());
    reader.int8(); // internal
    readPartitions(reader);
  }
  return { clientSideThrottleTime, topics };
}

function encode(topic: string | null): Buffer {
  if (topic === null) return Buffer.alloc(4 + 1); // an empty list: no topics
  const name = Buffer.from(topic);
  const bytes = Buffer.alloc(4 + 2 + name.length + 1);
  bytes.writeInt32BE(1, 0);
  bytes.writeInt16BE(name.length, 4);
  name.copy(bytes, 6); // the last byte stays 0: the broker creates nothing
  return bytes;
}

const requestOf = <Answer>(bytes: Buffer, read: (payload: Buffer) => Answer): WireRequest<Answer> =>
  ({
    request: {
      apiKey: METADATA,
      apiVersion: VERSION,
      apiName: 'Metadata',
      encode: async () => ({ buf: bytes, buffer: bytes }),
    },
    response: { decode: async (payload: Buffer) => read(payload), parse: async (data: Answer) => data },
  }) as WireRequest<Answer>;

/**
 * Asks for one topic, or for the nodes alone. The client's own metadata hold every topic ever used and fail as a whole when one of them was
 * deleted or is without a leader.
 */
export const createMetadataRequest = (topic: string | null): WireRequest<ClusterMetadata> =>
  requestOf(encode(topic), decodeMetadata);

/** Asks for all topics. */
export function createTopicNamesRequest(): WireRequest<TopicNames> {
  const bytes = Buffer.alloc(4 + 1);
  bytes.writeInt32BE(-1, 0); // no list: all of them
  return requestOf(bytes, decodeTopicNames);
}
