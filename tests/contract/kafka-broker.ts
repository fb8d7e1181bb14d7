import type { Kafka } from 'kafkajs';
import { createKafkaBroker } from '../../src/adapters/kafka/broker.js';
import type { AnyConsumer } from '../../src/contract/consumer.js';
import type { KafkaSettings } from '../../src/contract/settings.js';
import { deadLetterTopicOf, kafkaTopicOf } from '../../src/messages/names.js';
import type { BrokerProfile, PlantedFault, RigFaults } from '../../src/testing/contract/contract-rig.js';
import type { FaultProxy } from '../support/proxy.js';
import { startKafka } from '../support/servers/kafka.js';
import { lagOf, rawClient, readTopic, withAdmin, writeRecord } from './kafka-raw.js';
import { idleParts, type RealBroker } from './real-broker.js';

const SESSION_MS = 1_500;

const SETTINGS: Omit<KafkaSettings, 'brokers'> = {
  clientId: 'contract',
  compression: 'none',
  connectionTimeoutMs: 5_000,
  requestTimeoutMs: 3_000,
  sessionTimeoutMs: SESSION_MS,
};

/** Longer than any case takes: a reply that is held this long is held until it is let go. */
const FOR_EVER_MS = 3_600_000;

/** Kafka, as cases see it before it runs. */
export const kafkaProfile = (): BrokerProfile => ({
  name: 'kafka',
  product: 'kafka',
  capabilities: createKafkaBroker({ ...idleParts, settings: { ...SETTINGS, brokers: ['127.0.0.1:1'] } })
    .capabilities,
  maxMessageBytes: 1024 * 1024,
  sessionMs: SESSION_MS,
  faults: [
    'holdReplies',
    'loseReply',
    'dropConnections',
    'cut',
    'block',
    'kill',
    'restart',
    'refuse',
    'breakDeadLetters',
    'removeFeed',
  ],
});

/** Starts a Kafka of one broker, behind a proxy. */
export async function startKafkaBroker(): Promise<RealBroker> {
  const cluster = await startKafka({ behindProxy: true });
  const node = cluster.node(1);
  const { proxy } = node;
  if (proxy === undefined) throw new Error('the broker has no proxy before it');
  const raw = rawClient(cluster.brokers);
  let isDown = false;
  const does: RigFaults = {
    ...proxyFaults(proxy),
    ...topicFaults(raw),
    fillQueue: () => Promise.reject(new Error('Kafka has no queues')),
    poison: () => Promise.reject(new Error('Kafka does not limit deliveries')),
    async kill() {
      isDown = true;
      await node.kill();
    },
    async restart() {
      await node.start();
      isDown = false;
    },
  };
  return {
    broker: {
      ...kafkaProfile(),
      write: (topic, message) => writeRecord(raw, kafkaTopicOf(topic), message),
      readDeadLetters: (consumer) => readTopic(raw, deadLetterTopicOf(consumer)),
      waiting: (consumer) => lagOf(raw, consumer.group, kafkaTopicOf(consumer.topic)),
      placesAreSafe: async () => undefined,
      does,
    },
    settings: ({ secret }) => ({
      kafka: {
        ...SETTINGS,
        brokers: cluster.brokers,
        ...(secret && { sasl: { mechanism: 'plain', username: 'contract', password: secret } }),
      },
    }),
    async heal() {
      await proxy.heal();
      if (isDown) await does.restart();
    },
    dispose: () => cluster.dispose(),
  };
}

const standing = (remove: () => Promise<void>): PlantedFault => ({ happened: Promise.resolve(), remove });

function proxyFaults(proxy: FaultProxy) {
  return {
    async holdReplies(): Promise<PlantedFault> {
      const { happened } = proxy.fault({
        on: 'reply',
        frame: 'produce',
        do: 'delay',
        delayMs: FOR_EVER_MS,
        times: Infinity,
      });
      return { happened, remove: () => proxy.heal() };
    },
    async loseReply(): Promise<PlantedFault> {
      const fault = proxy.fault({ on: 'reply', frame: 'produce', do: 'swallow' });
      return { happened: fault.happened, remove: () => fault.remove() };
    },
    dropConnections: async () => proxy.reset(),
    async cut(): Promise<PlantedFault> {
      await proxy.refuse();
      proxy.reset();
      return standing(() => proxy.heal());
    },
    /** Kafka has no alarm: it is as if it did nothing any more. */
    async block(): Promise<PlantedFault> {
      proxy.blackHole();
      return standing(() => proxy.heal());
    },
  };
}

function topicFaults(kafka: Kafka) {
  const TOPIC = 2;
  const configure = (name: string, value: string): Promise<unknown> =>
    withAdmin(kafka, (admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: TOPIC, name, configEntries: [{ name: 'max.message.bytes', value }] }],
      }),
    );
  const remove = (topic: string): Promise<void> =>
    withAdmin(kafka, (admin) => admin.deleteTopics({ topics: [topic] }));
  const create = (topic: string, numPartitions: number): Promise<unknown> =>
    withAdmin(kafka, (admin) =>
      admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1 }], waitForLeaders: true }),
    );
  return {
    async refuse(topic: Parameters<RigFaults['refuse']>[0]): Promise<PlantedFault> {
      const name = kafkaTopicOf(topic);
      await configure(name, '1000');
      return standing(async () => void (await configure(name, '1048588')));
    },
    async breakDeadLetters(consumer: AnyConsumer): Promise<PlantedFault> {
      const name = deadLetterTopicOf(consumer);
      await configure(name, '1');
      return standing(async () => void (await configure(name, '2097152')));
    },
    async removeFeed(consumer: AnyConsumer): Promise<PlantedFault> {
      const name = kafkaTopicOf(consumer.topic);
      const partitions = consumer.topic.kafka?.partitions ?? 1;
      await remove(name);
      return standing(async () => void (await create(name, partitions)));
    },
  };
}
