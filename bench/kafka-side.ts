import kafkajs, { type Admin, type Kafka, type Producer } from 'kafkajs';
import { Tally } from './messages.js';

const { Kafka: KafkaClient, logLevel } = kafkajs;

/** A kafkajs client as the documentation shows it. */
export const openKafka = (brokers: readonly string[]): Kafka =>
  new KafkaClient({ brokers: [...brokers], clientId: 'bench', logLevel: logLevel.NOTHING });

async function withAdmin<Result>(
  brokers: readonly string[],
  use: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = openKafka(brokers).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Creates a topic with the partitions that the bus gives its own. */
export const createTopic = (brokers: readonly string[], topic: string): Promise<boolean> =>
  withAdmin(brokers, (admin) =>
    admin.createTopics({
      topics: [{ topic, numPartitions: 12, replicationFactor: 1 }],
      waitForLeaders: true,
    }),
  );

export const removeTopics = (brokers: readonly string[], topics: string[]): Promise<void> =>
  withAdmin(brokers, (admin) => admin.deleteTopics({ topics }));

/** Reads everything from the beginning of a topic and adds it up; `count` messages are there. */
export async function drainTopic(brokers: readonly string[], topic: string, count: number): Promise<Tally> {
  const consumer = openKafka(brokers).consumer({ groupId: `${topic}_proof`, maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const tally = new Tally();
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`void: ${topic} holds ${tally.count} of ${count}`)),
        60_000,
      );
      void consumer.run({
        eachBatch: async ({ batch }) => {
          for (const { value } of batch.messages) tally.add(value ?? Buffer.alloc(0));
          if (tally.count < count) return;
          clearTimeout(timer);
          resolve();
        },
      });
    });
  } finally {
    await consumer.disconnect();
  }
  return tally;
}

/** A connected producer with acks from all replicas; not idempotent, as the bus is not. */
export async function openProducer(brokers: readonly string[]): Promise<Producer> {
  const producer = openKafka(brokers).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  return producer;
}
