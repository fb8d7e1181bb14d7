import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { createBus, createLogger, defineTopic, loadConfig, type MessageBus } from '../../../src/index.js';
import { partitionOfKey } from '../../../src/messages/murmur2.js';
import { bodyOf } from './cluster-tools.js';

/** One record to send. */
export interface Outgoing {
  readonly id: string;
  /** Left out with `key`: wherever the sender puts it. */
  readonly partition?: number;
  readonly key?: string;
  /** Length of the body. */
  readonly bytes?: number;
}

/** What a scenario sends with: a plain kafkajs producer, or the bus. */
export interface Sender {
  /** Sends all of it together; resolves with the ids that were acknowledged and never rejects. */
  send(records: readonly Outgoing[]): Promise<readonly string[]>;
  /** Sends one record to another topic, so that metadata are asked for. */
  touch(topic: string): Promise<void>;
  close(): Promise<void>;
}

/** What a sender is opened with. */
export interface SenderSettings {
  /** Addresses to begin with. */
  readonly brokers: readonly string[];
  readonly topic: string;
  /** How many partitions the topic has when the sender is opened. */
  readonly partitions: number;
  readonly requestTimeoutMs?: number;
  /** For the plain producer alone. */
  readonly plain?: { readonly idempotent?: boolean; readonly retries?: number };
}

export type OpenSender = (settings: SenderSettings) => Promise<Sender>;

/** A kafkajs producer as its documentation shows it, without its log. */
export async function openPlainSender(settings: SenderSettings): Promise<Sender> {
  const { brokers, topic, requestTimeoutMs = 30_000 } = settings;
  const { idempotent = false, retries = 5 } = settings.plain ?? {};
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId: 'plain',
    logLevel: logLevel.NOTHING,
    requestTimeout: requestTimeoutMs,
    retry: { retries, initialRetryTime: 100, maxRetryTime: 1_000 },
  });
  const createPartitioner = Partitioners.DefaultPartitioner;
  const producer = kafka.producer({ idempotent, createPartitioner, allowAutoTopicCreation: false });
  await producer.connect();
  return {
    async send(records) {
      const messages = records.map(({ id, bytes, partition, key }) => ({
        value: bodyOf(id, bytes),
        ...(partition === undefined ? {} : { partition }),
        ...(key === undefined ? {} : { key }),
      }));
      try {
        await producer.send({ topic, messages, acks: -1 });
        return records.map(({ id }) => id);
      } catch {
        return [];
      }
    },
    async touch(other) {
      await producer.send({ topic: other, messages: [{ value: 'touch' }] }).catch(() => {});
    },
    close: () => producer.disconnect(),
  };
}

/** Deadline of a publish: longer than any outage of a scenario. */
const PUBLISH_TIMEOUT_MS = 60_000;

/** The bus, with nothing configured that a user would not. */
export async function openBusSender(settings: SenderSettings): Promise<Sender> {
  const topic = defineTopic({ name: settings.topic, codec: 'bytes', kafka: { existing: true } });
  const bus = await createBus({
    config: await configOf(settings),
    topics: [topic],
    logger: createLogger({ level: 'silent' }),
  });
  await bus.start();
  return senderOver(bus, settings);
}

/** The configuration of a bus on the cluster. */
export const configOf = ({ brokers, requestTimeoutMs = 30_000 }: SenderSettings) =>
  loadConfig(
    {
      KAFKA_ENABLED: 'true',
      KAFKA_BROKERS: brokers.join(','),
      KAFKA_REQUEST_TIMEOUT_MS: String(requestTimeoutMs),
      PUBLISH_TIMEOUT_MS: String(PUBLISH_TIMEOUT_MS),
    },
    { file: false },
  );

/** Sends through a started bus. The bus takes keys, not partitions: a key stands for each. */
export function senderOver(bus: MessageBus, { topic, partitions }: SenderSettings): Sender {
  const keys = keysOf(partitions);
  return {
    async send(records) {
      const messages = records.map(({ id, bytes, partition, key = keys[partition ?? -1] }) => ({
        data: bodyOf(id, bytes),
        ...(key === undefined ? {} : { key }),
      }));
      const outcomes = await bus.publishMany(topic, messages);
      return records.filter((_, index) => outcomes[index]?.status === 'published').map(({ id }) => id);
    },
    async touch(other) {
      await bus.publish(other, 'touch').catch(() => {});
    },
    close: async () => {
      await bus.close();
    },
  };
}

/** A key for each partition, found by trying. */
function keysOf(partitions: number): string[] {
  const keys: string[] = [];
  for (let tried = 0; Object.keys(keys).length < partitions; tried += 1) {
    keys[partitionOfKey(`key-${tried}`, partitions)] ??= `key-${tried}`;
  }
  return keys;
}
