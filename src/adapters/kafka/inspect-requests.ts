import type { WireRequest } from 'kafkajs/src/network/connectionPool.js';
import type { InspectedPartition, Operations } from '../../contract/inspection.js';
import { WireReader } from './wire-reader.js';

const METADATA = { apiKey: 3, apiVersion: 8, apiName: 'Metadata' };
const DESCRIBE_GROUPS = { apiKey: 15, apiVersion: 3, apiName: 'DescribeGroups' };

/** Operations of Kafka's access control that a service needs, by their number (class `AclOperation`). */
const OPERATIONS: Readonly<Record<number, string>> = {
  3: 'READ',
  4: 'WRITE',
  5: 'CREATE',
  8: 'DESCRIBE',
  10: 'DESCRIBE_CONFIGS',
};

/** One topic, and what the user may do to it. */
export interface TopicAnswer {
  readonly errorCode: number;
  readonly partitions: readonly InspectedPartition[];
  readonly operations: Operations;
}

/** One group, and what the user may do to it. */
export interface GroupAnswer {
  readonly errorCode: number;
  readonly operations: Operations;
}

/** One bit per operation. */
function readOperations(reader: WireReader): Operations {
  const bits = reader.int32();
  const granted = Object.entries(OPERATIONS).filter(([bit]) => ((bits >>> Number(bit)) & 1) === 1);
  return new Set(granted.map(([, name]) => name));
}

function skipEach(reader: WireReader, skipOne: () => void): void {
  for (let count = reader.int32(); count > 0; count -= 1) skipOne();
}

function skipNumbers(reader: WireReader): number {
  const count = reader.int32();
  reader.skip(4 * count);
  return count;
}

function readPartitions(reader: WireReader): InspectedPartition[] {
  const partitions: InspectedPartition[] = [];
  skipEach(reader, () => {
    reader.int16(); // without a leader there is an error code too; the leader says it all
    const partition = reader.int32();
    const leader = reader.int32();
    reader.int32(); // epoch of the leader
    const [replicas, inSync] = [skipNumbers(reader), skipNumbers(reader)];
    skipNumbers(reader); // replicas that are offline
    partitions.push({ partition, leader, replicas, inSync });
  });
  return partitions.sort((a, b) => a.partition - b.partition);
}

/** Reads the answer for one topic. */
export function decodeTopicAnswer(payload: Buffer): TopicAnswer {
  const reader = new WireReader(payload);
  reader.int32(); // throttling
  skipEach(reader, () => {
    reader.int32(); // node
    reader.text();
    reader.int32(); // port
    reader.text(); // rack
  });
  reader.text(); // cluster id
  reader.int32(); // controller
  reader.int32(); // one topic
  const errorCode = reader.int16();
  reader.text();
  reader.int8(); // internal
  return { errorCode, partitions: readPartitions(reader), operations: readOperations(reader) };
}

/** Reads the answer for one group. */
export function decodeGroupAnswer(payload: Buffer): GroupAnswer {
  const reader = new WireReader(payload);
  reader.int32(); // throttling
  reader.int32(); // one group
  const errorCode = reader.int16();
  for (let texts = 0; texts < 4; texts += 1) reader.text(); // id, state, two of the protocol
  skipEach(reader, () => {
    for (let texts = 0; texts < 3; texts += 1) reader.text();
    reader.bytes(); // subscription
    reader.bytes(); // assignment
  });
  return { errorCode, operations: readOperations(reader) };
}

/** A list of one name, then one byte for each flag. */
function encode(name: string, flags: readonly (0 | 1)[]): Buffer {
  const text = Buffer.from(name);
  const bytes = Buffer.alloc(4 + 2 + text.length + flags.length);
  bytes.writeInt32BE(1, 0);
  bytes.writeInt16BE(text.length, 4);
  text.copy(bytes, 6);
  bytes.set(flags, 6 + text.length);
  return bytes;
}

const requestOf = <Answer>(
  api: { readonly apiKey: number; readonly apiVersion: number; readonly apiName: string },
  bytes: Buffer,
  read: (payload: Buffer) => Answer,
): WireRequest<Answer> =>
  ({
    request: { ...api, encode: async () => ({ buf: bytes, buffer: bytes }) },
    response: { decode: async (payload: Buffer) => read(payload), parse: async (data: Answer) => data },
  }) as unknown as WireRequest<Answer>;

/** Asks for one topic, creating nothing: the flags are creation, operations on the cluster, operations on the topic. */
export const createTopicRequest = (topic: string): WireRequest<TopicAnswer> =>
  requestOf(METADATA, encode(topic, [0, 0, 1]), decodeTopicAnswer);

/** Asks for one group. */
export const createGroupRequest = (group: string): WireRequest<GroupAnswer> =>
  requestOf(DESCRIBE_GROUPS, encode(group, [1]), decodeGroupAnswer);
