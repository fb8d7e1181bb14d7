import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type BrokerName,
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  type MessageBus,
  memoryInbox,
  type TopicDefinition,
} from '../../src/index.js';
import { createRecorder } from '../../src/testing/recorder.js';
import { type FaultProxy, startProxy } from '../support/proxy.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { type KafkaCluster, startKafka } from '../support/servers/kafka.js';

const CALLERS = 20;
/** Messages that must get through in each state of the network. */
const PER_STATE = 400;
/** How much the heap may hold afterwards beyond what it held before the first fault, MiB. */
const GROWTH_MIB = 64;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** What the network does while messages are published and handled. */
const STATES: Readonly<Record<string, (proxy: FaultProxy) => Promise<void> | void>> = {
  good: () => undefined,
  slow: (proxy) => proxy.latency(60),
  'carrying nothing': (proxy) => proxy.blackHole(),
  'carrying no answers': (proxy) => proxy.blackHole('reply'),
  resetting: (proxy) => proxy.reset(),
  refusing: async (proxy) => {
    await proxy.refuse();
    proxy.reset();
  },
};

describeWithServers('a bad network', { own: ['kafka'], shared: ['rabbitmq-4.0'] }, (servers) => {
  let cluster: KafkaCluster;
  const proxies = {} as Record<BrokerName, FaultProxy>;
  beforeAll(async () => {
    cluster = await startKafka({ behindProxy: true });
    proxies.kafka = cluster.node(1).proxy as FaultProxy;
    const target = Number(new URL(servers['rabbitmq-4.0'].url).port);
    proxies.rabbitmq = await startProxy({ target, protocol: 'amqp' });
  }, 60_000);
  afterAll(async () => {
    await proxies.rabbitmq?.close();
    await cluster?.dispose();
  });

  const configOf = (feed: BrokerName) => {
    const url = new URL(servers['rabbitmq-4.0'].url);
    url.port = String(proxies.rabbitmq.port);
    return loadConfig(
      {
        KAFKA_ENABLED: 'true',
        KAFKA_BROKERS: cluster.brokers.join(','),
        KAFKA_REQUEST_TIMEOUT_MS: '1000',
        RABBITMQ_ENABLED: 'true',
        RABBITMQ_URL: url.href,
        RABBITMQ_REQUEST_TIMEOUT_MS: '1000',
        PUBLISH_TIMEOUT_MS: '3000',
        DEFAULT_BROKER: feed,
      },
      { file: false },
    );
  };

  /** A started bus and what its consumer handled. */
  async function open(feed: BrokerName) {
    const name = `network_${randomUUID().slice(0, 8)}`;
    const topic = defineTopic<number>({ name, kafka: { partitions: 3, replicationFactor: 1 } });
    const handled = createRecorder<string>('handled messages');
    const consumer = defineConsumer({
      name: 'network',
      topic,
      group: `${name}_group`,
      handle: ({ id }) => handled.add(id),
    });
    const bus = await createBus({
      config: await configOf(feed),
      topics: [topic],
      consumers: [consumer],
      inbox: memoryInbox(),
      logger: createLogger({ level: 'silent' }),
    });
    cleanups.push(() => bus.close());
    await bus.start();
    return { bus, topic, handled };
  }

  describe.each<BrokerName>(['kafka', 'rabbitmq'])('at %s', (broker) => {
    test('delays, loses nothing, and all recovers by itself with flat memory', async () => {
      const { bus, topic, handled } = await open(broker);
      const proxy = proxies[broker];
      const sent = new Set<string>();
      let beforeMib = 0;
      for (const [state, begin] of Object.entries(STATES)) {
        const before = sent.size;
        await begin(proxy);
        const publishing = publishFrom(bus, topic, { from: before, count: PER_STATE, sent });
        // What carries nothing has to be met by publishes before it is healed.
        if (state !== 'good' && state !== 'slow') await tried(bus, proxy);
        if (state !== 'slow') await proxy.heal();
        await publishing;
        await handled.atLeast(sent.size, 40_000);
        await proxy.heal();
        if (state === 'good') beforeMib = heapMib();
      }
      expect(sent.size).toBe(PER_STATE * Object.keys(STATES).length);
      expect(new Set(handled.items)).toEqual(sent);
      expect(handled.items).toHaveLength(sent.size);
      expect(heapMib() - beforeMib).toBeLessThan(GROWTH_MIB);
      expect(bus.health().ok).toBe(true);
    }, 90_000);
  });
});

/** Publishes until everything is stored on both brokers; what fails or is uncertain is repeated with its id. */
async function publishFrom(
  bus: MessageBus,
  topic: TopicDefinition<number, number>,
  { from, count, sent }: { from: number; count: number; sent: Set<string> },
): Promise<void> {
  let next = from;
  const publish = async (number: number): Promise<void> => {
    const id = `message-${number}`;
    for (;;) {
      try {
        const { brokers } = await bus.publish(topic, number, { id });
        expect(brokers).toEqual({ kafka: 'stored', rabbitmq: 'stored' });
        sent.add(id);
        return;
      } catch (error) {
        expect(error).toMatchObject({ retriable: true });
      }
    }
  };
  const caller = async (): Promise<void> => {
    while (next < from + count) await publish(next++);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

/** Resolves when the bus has noticed that the broker does not answer. */
const tried = (bus: MessageBus, proxy: FaultProxy): Promise<unknown> =>
  new Promise((resolve) => {
    const off = bus.on('broker-lost', () => {
      off();
      resolve(proxy.seen.connections);
    });
  });

function heapMib(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
