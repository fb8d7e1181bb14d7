import { type Admin, Kafka, logLevel } from 'kafkajs';
import type { FaultProxy } from '../../support/proxy.js';
import { type KafkaCluster, startKafka } from '../../support/servers/kafka.js';

/** What scenarios do to a cluster of three brokers, each behind a proxy, besides sending. */
export interface ClusterTools {
  readonly cluster: KafkaCluster;
  /** The proxy before a node, by its id from 1. */
  proxy(node: number): FaultProxy;
  /** Ends every fault of every proxy and lets through what they hold. */
  heal(): Promise<void>;
  /** Creates a topic with three copies of each partition; `leaders` names the node that leads each one. */
  createTopic(
    topic: string,
    leaders: readonly number[],
    config?: Readonly<Record<string, string>>,
  ): Promise<void>;
  deleteTopic(topic: string): Promise<void>;
  /** Makes a topic refuse messages above so many bytes; resolves when the leader of its first partition has refused one. */
  lowerLimit(topic: string, bytes: number): Promise<void>;
  /** The leader of each partition, in their order. */
  leaders(topic: string): Promise<readonly number[]>;
  /**
   * Takes a partition away from its leader and waits until another node leads it; resolves with that node. The old one
   * becomes a follower.
   */
  moveLeader(topic: string, partition: number): Promise<number>;
  /** What the topic holds, per partition in the order of the log: the ids of its records. */
  stored(topic: string): Promise<ReadonlyMap<number, readonly string[]>>;
  dispose(): Promise<void>;
}

/** The three nodes. */
export const NODES = [1, 2, 3] as const;

/** A record's body: its id, padded to `bytes` with what {@link idOf} takes away. */
export const bodyOf = (id: string, bytes = 0): Buffer => Buffer.from(id.padEnd(bytes));
/** The id in a record's body. */
export const idOf = (body: Buffer | null): string => String(body).trimEnd();

/** Starts the cluster. */
export async function startTools(): Promise<ClusterTools> {
  const cluster = await startKafka({ brokers: 3, behindProxy: true });
  const client = (): Kafka =>
    new Kafka({
      ...cluster.client,
      clientId: 'tools',
      logLevel: logLevel.NOTHING,
      retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 1_000 },
    });
  /** A client of its own each time: one that has met a fault may stay broken. */
  const withAdmin = async <Result>(ask: (admin: Admin) => Promise<Result>): Promise<Result> => {
    const admin = client().admin();
    await admin.connect();
    try {
      return await ask(admin);
    } finally {
      await admin.disconnect();
    }
  };
  const proxy = (node: number): FaultProxy => {
    const found = cluster.node(node).proxy;
    if (found === undefined) throw new Error(`node ${node} has no proxy`);
    return found;
  };
  const leaders = (topic: string): Promise<readonly number[]> =>
    withAdmin(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics[0]?.partitions ?? [];
      return partitions.toSorted((a, b) => a.partitionId - b.partitionId).map(({ leader }) => leader);
    });
  return {
    cluster,
    proxy,
    leaders,
    heal: async () => {
      await Promise.all(NODES.map((node) => proxy(node).heal()));
    },
    async createTopic(topic, nodes, config = {}) {
      await withAdmin(async (admin) => {
        const replicaAssignment = nodes.map((leader, partition) => ({
          partition,
          replicas: replicasOf(leader),
        }));
        const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
        await admin.createTopics({
          waitForLeaders: false,
          topics: [{ topic, replicaAssignment, configEntries }],
        });
      });
      // kafkajs' own wait gives up when it asks a node that has not heard of the topic.
      while (!(await leaders(topic).then(areLed, isUnknownTopic)));
    },
    deleteTopic: (topic) => withAdmin((admin) => admin.deleteTopics({ topics: [topic] })),
    async lowerLimit(topic, bytes) {
      await withAdmin(async (admin) => {
        const configEntries = [{ name: 'max.message.bytes', value: String(bytes) }];
        const resources = [{ type: TOPIC_RESOURCE, name: topic, configEntries }];
        await admin.alterConfigs({ validateOnly: false, resources });
      });
      await untilRefused(client(), topic, bytes);
    },
    async moveLeader(topic, partition) {
      const old = (await leaders(topic))[partition];
      const assign = (replicas: number[]) =>
        withAdmin((admin) =>
          admin.alterPartitionReassignments({
            topics: [{ topic, partitionAssignment: [{ partition, replicas }] }],
          }),
        );
      await assign(NODES.filter((node) => node !== old));
      for (;;) {
        const now = (await leaders(topic))[partition] ?? -1;
        if (now === old || now <= 0) continue;
        // Two copies would be one too few as soon as a broker is down.
        await assign(replicasOf(now));
        return now;
      }
    },
    async stored(topic) {
      for (;;) {
        const offsets = await withAdmin((admin) => admin.fetchTopicOffsets(topic).catch(isWithoutLeader));
        if (offsets === false) continue;
        const wanted = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
        return readAll(client(), topic, wanted);
      }
    },
    dispose: () => cluster.dispose(),
  };
}

/** `ConfigResourceTypes.TOPIC`, which a module that imports by name cannot reach. */
const TOPIC_RESOURCE = 2;

function replicasOf(leader: number): number[] {
  return [leader, ...NODES.filter((node) => node !== leader)];
}

const areLed = (leaders: readonly number[]): boolean =>
  leaders.length > 0 && leaders.every((leader) => leader > 0);

/** False for one of these errors, so that it is asked again; throws every other one. */
const isOneOf =
  (...types: readonly string[]) =>
  (error: Error): false => {
    if (types.includes((error as { type?: string }).type ?? '')) return false;
    throw error;
  };

const isUnknownTopic = isOneOf('UNKNOWN_TOPIC_OR_PARTITION');
/** A leader that was moved is on its way back. */
const isWithoutLeader = isOneOf('LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION');

/** The answer to a changed setting comes before the brokers have heard of it. */
async function untilRefused(client: Kafka, topic: string, bytes: number): Promise<void> {
  const producer = client.producer();
  await producer.connect();
  const messages = [{ value: bodyOf('probe', bytes + 1), partition: 0 }];
  const isRefused = (): Promise<boolean> =>
    producer.send({ topic, messages }).then(
      () => false,
      (error: Error) => {
        if ((error as { type?: string }).type === 'MESSAGE_TOO_LARGE') return true;
        throw error;
      },
    );
  while (!(await isRefused()));
  await producer.disconnect();
}

async function readAll(client: Kafka, topic: string, wanted: number): Promise<Map<number, string[]>> {
  const ids = new Map<number, string[]>();
  if (wanted === 0) return ids;
  const consumer = client.consumer({
    groupId: `${topic}-reader-${process.hrtime.bigint()}`,
    maxWaitTimeInMs: 100,
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let count = 0;
  await new Promise<void>((resolve, reject) => {
    const eachBatch = async ({
      batch,
    }: {
      batch: { partition: number; messages: { value: Buffer | null }[] };
    }) => {
      const list = ids.get(batch.partition) ?? [];
      list.push(...batch.messages.map(({ value }) => idOf(value)));
      ids.set(batch.partition, list);
      count += batch.messages.length;
      if (count >= wanted) resolve();
    };
    consumer.run({ eachBatch }).catch(reject);
  });
  await consumer.disconnect();
  return ids;
}
