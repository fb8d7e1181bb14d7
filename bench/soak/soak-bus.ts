import {
  type BrokerName,
  type ConsumerDefinition,
  createBus,
  createLogger,
  loadConfig,
  type MessageBus,
  memoryInbox,
} from '../../src/index.js';
import { mongoInbox } from '../../src/mongo.js';
import { createLogBroker, createLogStore } from '../../src/testing/index.js';
import type { Usage } from '../messages.js';
import { openMongodb } from '../mongodb-side.js';
import { uniqueName } from '../names.js';
import type { BenchServers } from '../row.js';

/** Ids that the inbox remembers at a time: what it may keep must not look like a leak. */
const REMEMBERED = 10_000;
/** What the embedded log may keep, bytes, for the same reason. */
const LOG_BYTES = 4 * 1024 * 1024;

/** A started bus and what it needs. */
export interface SoakBus {
  readonly bus: MessageBus;
  close(): Promise<void>;
}

/** What the bus is made of; without servers it runs on embedded brokers with an inbox in memory. */
export interface SoakBusOptions {
  readonly broker: BrokerName;
  readonly servers: BenchServers | null;
  readonly consumer: ConsumerDefinition<Usage>;
}

/** Builds and starts it. */
export function openSoakBus(options: SoakBusOptions): Promise<SoakBus> {
  return options.servers === null ? openEmbedded(options) : openReal(options, options.servers);
}

const logger = createLogger({ level: 'error' });

async function openEmbedded({ broker, consumer }: SoakBusOptions): Promise<SoakBus> {
  const bus = await createBus({
    config: await loadConfig({ EMBEDDED: 'true', CONSUMER_SOAK_BROKER: broker }, { file: false }),
    consumers: [consumer],
    inbox: memoryInbox({ maxEntries: REMEMBERED }),
    logger,
    brokers: {
      kafka: (parts) =>
        createLogBroker({ ...parts, store: createLogStore({ clock: parts.clock, maxBytes: LOG_BYTES }) }),
    },
  });
  await bus.start();
  return { bus, close: async () => void (await bus.close()) };
}

async function openReal({ broker, consumer }: SoakBusOptions, servers: BenchServers): Promise<SoakBus> {
  const mongodb = await openMongodb(uniqueName('soak'));
  const settings: Record<string, string> =
    broker === 'kafka'
      ? { KAFKA_ENABLED: 'true', KAFKA_BROKERS: servers.kafka.join(',') }
      : { RABBITMQ_ENABLED: 'true', RABBITMQ_URL: servers.rabbitmq };
  const bus = await createBus({
    config: await loadConfig(settings, { file: false }),
    consumers: [consumer],
    inbox: mongoInbox(mongodb.connection),
    logger,
  });
  await bus.start();
  return {
    bus,
    close: async () => {
      await bus.close();
      await mongodb.close();
    },
  };
}
