import { Kafka, logLevel, type ProducerConfig } from 'kafkajs';
import type { KafkaCluster } from '../../support/servers/kafka.js';

/** A client as the documentation of kafkajs shows it, without its log. */
export const plainClient = (
  cluster: KafkaCluster,
  options: { retries?: number; requestTimeoutMs?: number } = {},
): Kafka =>
  new Kafka({
    ...cluster.client,
    clientId: 'plain',
    logLevel: logLevel.NOTHING,
    retry: { retries: options.retries ?? 8, initialRetryTime: 100 },
    requestTimeout: options.requestTimeoutMs ?? 30_000,
  });

/** A connected producer of that client. */
export async function plainProducer(
  cluster: KafkaCluster,
  config: ProducerConfig & { readonly retries?: number; readonly requestTimeoutMs?: number } = {},
) {
  const { retries, requestTimeoutMs, ...producerConfig } = config;
  const client = plainClient(cluster, {
    ...(retries === undefined ? {} : { retries }),
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
  });
  const producer = client.producer({ allowAutoTopicCreation: false, ...producerConfig });
  await producer.connect();
  return producer;
}

/** A topic whose every partition has three copies; resolves when all partitions have a leader. */
export async function createTopic(
  cluster: KafkaCluster,
  topic: string,
  { partitions, config = {} }: { partitions: number; config?: Readonly<Record<string, string>> },
): Promise<void> {
  const admin = plainClient(cluster).admin();
  await admin.connect();
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions: partitions, replicationFactor: 3, configEntries }],
  });
  await admin.disconnect();
}

/** Partitions of the topic by the node that leads them. */
export async function partitionsByLeader(
  cluster: KafkaCluster,
  topic: string,
): Promise<Map<number, number[]>> {
  const admin = plainClient(cluster).admin();
  await admin.connect();
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  await admin.disconnect();
  const byLeader = new Map<number, number[]>();
  for (const { leader, partitionId } of topics[0]?.partitions ?? []) {
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), partitionId]);
  }
  return byLeader;
}

/** Every value that the topic holds. */
export async function storedValues(cluster: KafkaCluster, topic: string): Promise<string[]> {
  const client = plainClient(cluster);
  const admin = client.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const count = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const values: string[] = [];
  if (count === 0) return values;
  const consumer = client.consumer({ groupId: `${topic}-reader-${Date.now()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachBatch: async ({ batch }) => {
        for (const { value } of batch.messages) values.push(String(value));
        if (values.length >= count) resolve();
      },
    });
  });
  await consumer.disconnect();
  return values;
}

/** Which of the acknowledged values are not stored. */
export async function lostOf(
  cluster: KafkaCluster,
  topic: string,
  acked: readonly string[],
): Promise<string[]> {
  const stored = new Set(await storedValues(cluster, topic));
  return acked.filter((value) => !stored.has(value));
}
