import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Admin,
  type Consumer,
  Kafka,
  KafkaJSError,
  type KafkaMessage,
  logLevel,
  Partitioners,
} from 'kafkajs';
import type { HeaderValue } from '../../src/contract/message.js';
import { fromByteHeaders } from '../../src/messages/headers.js';
import type { RawMessage } from '../../src/testing/contract/contract-rig.js';

/** kafkajs, used without our library. */
export const rawClient = (brokers: readonly string[]): Kafka =>
  new Kafka({
    brokers: [...brokers],
    clientId: 'past-the-library',
    logLevel: logLevel.NOTHING,
    connectionTimeout: 5_000,
    retry: { retries: 8 },
  });

/** Connects an admin for one piece of work. */
export async function withAdmin<Result>(
  kafka: Kafka,
  work: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

const PATIENCE_MS = 15_000;

/** A broker that has just come back, and a topic that is new, have no leader at first: asked again until they have. */
async function insist<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (const endMs = Date.now() + PATIENCE_MS; ; ) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > endMs || !(error instanceof KafkaJSError)) throw error;
      await delay(50);
    }
  }
}

/** Records that a group has not committed past. */
export const lagOf = (kafka: Kafka, groupId: string, topic: string): Promise<number> =>
  insist(() => askLag(kafka, groupId, topic));

function askLag(kafka: Kafka, groupId: string, topic: string): Promise<number> {
  return withAdmin(kafka, async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic);
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return ends.reduce((sum, { partition, high, low }) => {
      const offset = Number(committed?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
      return sum + Number(high) - Math.max(offset, Number(low));
    }, 0);
  });
}

/** Writes one record as a foreign program does. */
export async function writeRecord(
  kafka: Kafka,
  topic: string,
  { body, key, headers }: RawMessage,
): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    const record = { value: body, key: key ?? null, headers: headers as Record<string, string | Buffer> };
    await producer.send({ topic, acks: -1, messages: [record] });
  } finally {
    await producer.disconnect();
  }
}

/** Every record of a topic, partition by partition. */
export async function readTopic(kafka: Kafka, topic: string): Promise<RawMessage[]> {
  const ends = await insist(() => withAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic)));
  const total = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  if (total === 0) return [];
  const consumer = kafka.consumer({ groupId: `reader-${randomUUID()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    return await take(consumer, total);
  } finally {
    await consumer.disconnect();
  }
}

function take(consumer: Consumer, total: number): Promise<RawMessage[]> {
  const found: RawMessage[] = [];
  return new Promise((resolve, reject) => {
    const eachMessage = async ({ message }: { message: KafkaMessage }): Promise<void> => {
      found.push(toRaw(message));
      if (found.length === total) resolve(found);
    };
    consumer.run({ eachMessage }).catch(reject);
  });
}

/** Strings where they are valid UTF-8: what our codec makes of values without a note of their type, the note aside. */
function toRaw({ value, key, headers }: KafkaMessage): RawMessage {
  const decoded: Record<string, HeaderValue> = { ...fromByteHeaders(headers ?? {}) };
  return { body: value, key: key === null ? null : key.toString(), headers: decoded };
}
