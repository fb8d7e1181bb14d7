import {
  type BrokerName,
  type ConsumerDefinition,
  createBus,
  createLogger,
  type Inbox,
  loadConfig,
  type MessageBus,
  type TopicDefinition,
} from '../src/index.js';
import type { BenchServers } from './row.js';

/** What a row's bus is made of. */
export interface BenchBusOptions {
  readonly brokers: readonly BrokerName[];
  // biome-ignore lint/suspicious/noExplicitAny: any topic
  readonly topics: readonly TopicDefinition<any, any>[];
  // biome-ignore lint/suspicious/noExplicitAny: any consumer
  readonly consumers?: readonly ConsumerDefinition<any>[];
  /** False: the consumers' places are made, nothing is consumed. Default `true`. */
  readonly consume?: boolean;
  readonly inbox?: Inbox;
}

/** Settings of the environment that enable these brokers. */
function environmentOf(brokers: readonly BrokerName[], servers: BenchServers | null): Record<string, string> {
  if (servers === null) return { EMBEDDED: 'true' };
  return {
    ...(brokers.includes('kafka') ? { KAFKA_ENABLED: 'true', KAFKA_BROKERS: servers.kafka.join(',') } : {}),
    ...(brokers.includes('rabbitmq') ? { RABBITMQ_ENABLED: 'true', RABBITMQ_URL: servers.rabbitmq } : {}),
  };
}

/** A started bus on real servers, or with `null` on embedded brokers. */
export async function openBus(servers: BenchServers | null, options: BenchBusOptions): Promise<MessageBus> {
  const bus = await createBus({
    config: await loadConfig(environmentOf(options.brokers, servers), { file: false }),
    topics: options.topics,
    consumers: options.consumers ?? [],
    ...(options.inbox === undefined ? {} : { inbox: options.inbox }),
    logger: createLogger({ level: 'error' }),
  });
  await bus.start({ consume: options.consume ?? true });
  return bus;
}
