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
  alterTopic(topic: string, config: Readonly<Record<string, string>>): Promise<void>;
  /** The leader of each partition, in their order. */
  leaders(topic: string): Promise<readonly number[]>;
  /** Takes a partition away from its leader and waits until another node leads it; resolves with that node. */
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
    createTopic: (topic, nodes, config = {}) =>
      withAdmin(async (admin) => {
        const replicaAssignment = nodes.map((leader, partition) => ({
          partition,
          replicas: replicasOf(leader),
        }));
        const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
        await admin.createTopics({
          waitForLeaders: true,
          topics: [{ topic, replicaAssignment, configEntries }],
        });
      }),
    deleteTopic: (topic) => withAdmin((admin) => admin.deleteTopics({ topics: [topic] })),
    alterTopic: (topic, config) =>
      withAdmin(async (admin) => {
        const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
        const resources = [{ type: TOPIC_RESOURCE, name: topic, configEntries }];
        await admin.alterConfigs({ validateOnly: false, resources });
      }),
    async moveLeader(topic, partition) {
      const old = (await leaders(topic))[partition];
      const replicas = NODES.filter((node) => node !== old);
      await withAdmin((admin) =>
        admin.alterPartitionReassignments({
          topics: [{ topic, partitionAssignment: [{ partition, replicas }] }],
        }),
      );
      for (;;) {
        const now = (await leaders(topic))[partition] ?? -1;
        if (now !== old && now > 0) return now;
      }
    },
    async stored(topic) {
      const wanted = await withAdmin(async (admin) => {
        const offsets = await admin.fetchTopicOffsets(topic);
        return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
      });
      return readAll(client(), topic, wanted);
    },
    dispose: () => cluster.dispose(),
  };
}

/** `ConfigResourceTypes.TOPIC`, which a module that imports by name cannot reach. */
const TOPIC_RESOURCE = 2;

function replicasOf(leader: number): number[] {
  return [leader, ...NODES.filter((node) => node !== leader)];
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
