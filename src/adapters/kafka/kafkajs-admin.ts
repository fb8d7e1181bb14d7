import type Broker from 'kafkajs/src/broker/index.js';
import type { OffsetsAnswer } from 'kafkajs/src/broker/index.js';
import type { ClientContext } from './client-options.js';
import type {
  AdminClient,
  FetchedBatch,
  NewTopic,
  PartitionInfo,
  PartitionOffset,
  PlaceToRead,
  RawBatch,
  TopicOffsets,
} from './driver.js';
import { protocolErrorOf } from './errors.js';
import { createFetchRequest } from './fetch-request.js';
import { NodeConnections } from './node-connections.js';

const TOPIC_RESOURCE = 2;
const GROUP_COORDINATOR = 0;
const READ_COMMITTED = 1;
const EARLIEST = -2;
const LATEST = -1;
/** Commits of an administrator belong to no generation. */
const NO_GENERATION = -1;

const toOffsets = (answer: OffsetsAnswer): PartitionOffset[] =>
  answer.responses.flatMap(({ partitions }) =>
    partitions.map(({ partition, offset }) => ({ partition, offset: BigInt(offset) })),
  );

const byPartition = (a: PartitionOffset, b: PartitionOffset): number => a.partition - b.partition;

/** The errors of a creation, one per topic, come as one without a type of its own. */
export function firstProblem(error: unknown): unknown {
  const { errors } = error as { errors?: unknown };
  return Array.isArray(errors) && errors.length > 0 ? errors[0] : error;
}

function groupByLeader(partitions: readonly PartitionInfo[]): Map<number, number[]> {
  const leaders = new Map<number, number[]>();
  for (const { leader, partition } of partitions) {
    const group = leaders.get(leader);
    if (group === undefined) leaders.set(leader, [partition]);
    else group.push(partition);
  }
  return leaders;
}

/** Administration over single requests: the client's own admin remembers every topic and fails once one is deleted. */
class KafkajsAdmin implements AdminClient {
  readonly #connections: NodeConnections;
  readonly #timeoutMs: number;

  constructor(context: ClientContext) {
    this.#connections = new NodeConnections(context);
    this.#timeoutMs = context.settings.requestTimeoutMs;
  }

  async brokerCount(): Promise<number> {
    return (await this.#connections.describeCluster()).nodeCount;
  }

  describe(topic: string): Promise<readonly PartitionInfo[] | null> {
    return this.#connections.describe(topic);
  }

  listTopics(): Promise<readonly string[]> {
    return this.#connections.listTopics();
  }

  async createTopic({ topic, partitions, replicationFactor, config }: NewTopic): Promise<boolean> {
    const { controller } = await this.#connections.describeCluster();
    const broker = await (controller < 0 ? this.#connections.any() : this.#connections.of(controller));
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    const request = { topic, numPartitions: partitions, replicationFactor, configEntries };
    try {
      await broker.createTopics({ topics: [request], timeout: this.#timeoutMs });
      return true;
    } catch (error) {
      const problem = firstProblem(error);
      if (protocolErrorOf(problem) === 'TOPIC_ALREADY_EXISTS') return false;
      throw problem;
    }
  }

  async topicConfig(topic: string, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const broker = await this.#connections.any();
    const resource = { type: TOPIC_RESOURCE, name: topic, configNames: names };
    const { resources } = await broker.describeConfigs({ resources: [resource] });
    const values = new Map<string, string>();
    for (const { configName, configValue } of resources[0]?.configEntries ?? []) {
      if (configValue !== null) values.set(configName, configValue);
    }
    return values;
  }

  async edgeOffsets(topic: string, edge: 'first' | 'end'): Promise<readonly PartitionOffset[]> {
    const timestamp = edge === 'first' ? EARLIEST : LATEST;
    const partitions = await this.#connections.describe(topic);
    const requests = [...groupByLeader(partitions ?? [])].map(async ([leader, led]) => {
      const broker = await this.#connections.of(leader);
      const asked = { topic, partitions: led.map((partition) => ({ partition, timestamp })) };
      return toOffsets(await broker.listOffsets({ isolationLevel: READ_COMMITTED, topics: [asked] }));
    });
    return (await Promise.all(requests)).flat().sort(byPartition);
  }

  async groupOffsets(group: string, topic: string): Promise<readonly PartitionOffset[]> {
    const partitions = await this.#connections.describe(topic);
    const asked = { topic, partitions: (partitions ?? []).map(({ partition }) => ({ partition })) };
    const coordinator = await this.#coordinatorOf(group);
    const answer = await coordinator.offsetFetch({ groupId: group, topics: [asked] });
    return toOffsets(answer).sort(byPartition);
  }

  async isGroupEmpty(group: string): Promise<boolean> {
    const coordinator = await this.#coordinatorOf(group);
    const { groups } = await coordinator.describeGroups({ groupIds: [group] });
    const state = groups[0]?.state ?? 'Dead';
    return state === 'Empty' || state === 'Dead';
  }

  async memberCount(group: string): Promise<number> {
    const coordinator = await this.#coordinatorOf(group);
    const { groups } = await coordinator.describeGroups({ groupIds: [group] });
    return groups[0]?.members.length ?? 0;
  }

  /** The connection to the node that leads a partition; `null`: it has no leader. */
  async #leaderOf({ topic, partition }: PlaceToRead): Promise<Broker | null> {
    const partitions = await this.#connections.describe(topic);
    const leader = partitions?.find((one) => one.partition === partition)?.leader ?? -1;
    return leader < 0 ? null : this.#connections.of(leader);
  }

  async readRaw(place: PlaceToRead): Promise<RawBatch | null> {
    const leader = await this.#leaderOf(place);
    if (leader === null) return null;
    return (await this.#connections.send(leader, createFetchRequest(place))).batch;
  }

  // With one byte the broker answers with the first batch, whatever its size, and no other.
  async readOne(place: PlaceToRead & { readonly maxBytes?: number }): Promise<FetchedBatch | null> {
    const { topic, partition, offset, maxBytes = 1 } = place;
    const broker = await this.#leaderOf(place);
    if (broker === null) return null;
    const asked = { partition, fetchOffset: offset.toString(), maxBytes };
    const { responses } = await broker.fetch({
      isolationLevel: READ_COMMITTED,
      maxWaitTime: 0,
      minBytes: 0,
      maxBytes,
      topics: [{ topic, partitions: [asked] }],
    });
    const answer = responses[0]?.partitions[0];
    if (answer === undefined || answer.messages.length === 0) return null;
    const records = answer.messages.filter((one) => BigInt(one.offset) >= offset && !one.isControlRecord);
    return { topic, partition, endOffset: answer.highWatermark, records };
  }

  async commitGroupOffsets(group: string, offsets: readonly TopicOffsets[]): Promise<void> {
    const coordinator = await this.#coordinatorOf(group);
    const topics = offsets.map((one) => ({
      topic: one.topic,
      partitions: one.offsets.map(({ partition, offset }) => ({ partition, offset: offset.toString() })),
    }));
    await coordinator.offsetCommit({
      groupId: group,
      groupGenerationId: NO_GENERATION,
      memberId: '',
      topics,
    });
  }

  close(): void {
    this.#connections.close();
  }

  async #coordinatorOf(group: string): Promise<Broker> {
    const broker = await this.#connections.any();
    const request = { groupId: group, coordinatorType: GROUP_COORDINATOR };
    const { coordinator } = await broker.findGroupCoordinator(request);
    return this.#connections.at(coordinator.host, coordinator.port);
  }
}

/** Administration over kafkajs' connections. */
export const createKafkajsAdmin = (context: ClientContext): AdminClient => new KafkajsAdmin(context);
