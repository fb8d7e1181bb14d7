import type { InspectedPartition, Operations } from '../../contract/inspection.js';

/** One record on its way to a partition. Sizes are known from when it was taken. */
export interface ProduceRecord {
  readonly key: string | null;
  readonly keyBytes: number;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string | Buffer>>;
  /** Headers as they are on the wire, their count included. */
  readonly headersBytes: number;
  /** Ms since the Unix epoch. */
  readonly timestampMs: number;
}

/** Records for one partition, in order; at least one. */
export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly ProduceRecord[];
}

/** The broker's word on one partition of a produce request. */
export interface PartitionAnswer {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's error code; 0: stored. */
  readonly errorCode: number;
}

/** One partition as metadata describe it. */
export interface PartitionInfo {
  readonly partition: number;
  /** Node id; below 0 while there is none. */
  readonly leader: number;
  readonly replicas: number;
}

/** Sends produce requests. Never retries: what an answer does not confirm is for the caller to send again. */
export interface ProducerClient {
  /** Resolves when one of the configured brokers answers and accepts the credentials. */
  connect(): Promise<void>;
  /** Partitions in ascending order; `null` if the topic does not exist. */
  describe(topic: string): Promise<readonly PartitionInfo[] | null>;
  /** Connects to a node that metadata named; nothing is sent yet. */
  open(node: number): Promise<void>;
  /**
   * One request to one node, acks of all in-sync replicas. Answers what the broker answered: a partition that is
   * missing in it is not stored. After a rejection the connection is replaced, and everything may or may not be stored.
   */
  produce(node: number, batches: readonly PartitionBatch[]): Promise<readonly PartitionAnswer[]>;
  /** Idempotent, never rejects; waits for nothing. */
  close(): void;
}

/** A topic to create. */
export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

/** An offset of one partition. */
export interface PartitionOffset {
  readonly partition: number;
  readonly offset: bigint;
}

/** Offsets of one topic. */
export interface TopicOffsets {
  readonly topic: string;
  readonly offsets: readonly PartitionOffset[];
}

/** Where a partition is read. */
export interface PlaceToRead {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** One batch as it lies in the log; nothing of it is decoded. */
export interface RawBatch {
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
  readonly bytes: Buffer;
}

/** What a topic or group holds. Every method rejects with the client's own error. */
export interface AdminClient {
  brokerCount(): Promise<number>;
  /** Partitions in ascending order; `null` if the topic does not exist. */
  describe(topic: string): Promise<readonly PartitionInfo[] | null>;
  /** Names of all topics that the user may see. */
  listTopics(): Promise<readonly string[]>;
  /** False if it exists already. */
  createTopic(topic: NewTopic): Promise<boolean>;
  /** The named settings of a topic, as far as the user may read them. */
  topicConfig(topic: string, names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The first offset that is there, or the one after the last. */
  edgeOffsets(topic: string, edge: 'first' | 'end'): Promise<readonly PartitionOffset[]>;
  /** Committed offsets; below 0 where there is none. */
  groupOffsets(group: string, topic: string): Promise<readonly PartitionOffset[]>;
  isGroupEmpty(group: string): Promise<boolean>;
  memberCount(group: string): Promise<number>;
  /**
   * Reads at an offset, one request for this partition alone: the first batch, and more up to `maxBytes` (default: no
   * more). Rejects if one cannot be decoded; `null`: there is nothing, or the offset is out of range.
   */
  readOne(place: PlaceToRead & { readonly maxBytes?: number }): Promise<FetchedBatch | null>;
  /** The batch that holds an offset, undecoded; `null`: there is nothing, or the offset is out of range. */
  readRaw(place: PlaceToRead): Promise<RawBatch | null>;
  /** Refused by the broker while the group has members. */
  commitGroupOffsets(group: string, offsets: readonly TopicOffsets[]): Promise<void>;
  /** Idempotent, never rejects; waits for nothing. */
  close(): void;
}

/** Questions about a cluster that change nothing. Each rejects with the client's own error. */
export interface InspectClient {
  version(): Promise<string | null>;
  nodeCount(): Promise<number>;
  /** Settings of one node. */
  nodeSettings(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  topicSettings(topic: string, names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** `null`: it does not exist. */
  topic(
    topic: string,
  ): Promise<{ readonly partitions: readonly InspectedPartition[]; readonly operations: Operations } | null>;
  /** Resolves if the broker would create the topic; it is not created. */
  validate(topic: NewTopic): Promise<void>;
  /** `null`: no group was ever used, and asking would make Kafka create its topic for them. */
  groupOperations(group: string): Promise<Operations | null>;
  close(): void;
}

/** One record as it was fetched. */
export interface FetchedRecord {
  readonly offset: string;
  /** Ms since the Unix epoch, in digits; negative: none. */
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** What one fetch brought for one partition. */
export interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  /** The offset after the last record of the partition. */
  readonly endOffset: string;
  readonly records: readonly FetchedRecord[];
}

/** Partitions by topic. */
export type Assignment = Readonly<Record<string, readonly number[]>>;

/** What a member tells of itself. Never throws. */
export interface MemberEvents {
  /** A generation began; the assignment replaces the one before. */
  onJoin(join: { readonly memberId: string; readonly assignment: Assignment }): void;
  /** The generation is about to end; commits still count for a moment. */
  onRebalance(): void;
  /** Something was heard of the broker: a fetch or a heartbeat. */
  onSign(): void;
  /** Hands over; the next fetch of that broker waits for the promise, so it resolves soon. */
  onBatch(batch: FetchedBatch): Promise<void> | void;
  /** The member is gone for good; nothing else comes after it. */
  onCrash(error: unknown): void;
}

/** What a member is made of. */
export interface MemberSpec {
  readonly group: string;
  readonly topics: readonly string[];
  /** What this process held a moment ago; it asks to keep it. */
  readonly held: Assignment;
  readonly events: MemberEvents;
}

/** One member of a consumer group. Used once: after `onCrash` or `leave` a new one is made. */
export interface MemberClient {
  /** Connects and joins in the background; `onJoin` tells when. */
  start(): Promise<void>;
  pause(topic: string, partitions?: readonly number[]): void;
  resume(topic: string, partitions?: readonly number[]): void;
  /** Goes on reading an assigned partition at this offset. */
  seek(topic: string, partition: number, offset: bigint): void;
  /** Commits for the current generation. Offsets are those of the next record to read. */
  commit(offsets: readonly TopicOffsets[]): Promise<void>;
  /** Leaves the group and disconnects. May wait for a broker that does not answer. */
  leave(): Promise<void>;
  /** Cuts every connection, also those that are opened later. */
  abandon(): void;
}

/** A Kafka client library behind its narrowest useful face, so that another one can serve it. */
export interface KafkaDriver {
  producer(): ProducerClient;
  admin(): AdminClient;
  inspector(): InspectClient;
  member(spec: MemberSpec): MemberClient;
}
