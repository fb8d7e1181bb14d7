import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../../src/contract/clock.js';
import {
  type BrokerName,
  createBus,
  createLogger,
  defineTopic,
  type Inbox,
  loadConfig,
  type MessageBus,
} from '../../src/index.js';
import type { ServerAddresses } from '../support/servers/find-servers.js';

type Consumers = NonNullable<Parameters<typeof createBus>[0]['consumers']>;

/** What a bus over both real brokers is made of. */
export interface TwoBrokersOptions {
  readonly servers: Pick<ServerAddresses, 'kafka' | 'rabbitmq-4.0'>;
  readonly consumers: Consumers;
  readonly inbox: Inbox;
  /** The broker that feeds every consumer. */
  readonly fedBy: BrokerName;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** A topic with a name of its own, keyed by user. */
export const usageTopic = () =>
  defineTopic({
    name: `usage_${randomUUID().slice(0, 8)}`,
    schema: z.object({ user: z.string(), sequence: z.number().int() }),
    key: (data) => data.user,
    kafka: { partitions: 6, replicationFactor: 1 },
  });

/** A silent bus that publishes to both brokers, not started. */
export async function openTwoBrokers(options: TwoBrokersOptions): Promise<MessageBus> {
  const { servers, consumers, inbox, fedBy, clock } = options;
  const flags = consumers.map(({ name }) => [`CONSUMER_${name.toUpperCase()}_BROKER`, fedBy]);
  const config = await loadConfig(
    {
      KAFKA_ENABLED: 'true',
      KAFKA_BROKERS: servers.kafka.brokers.join(','),
      RABBITMQ_ENABLED: 'true',
      RABBITMQ_URL: servers['rabbitmq-4.0'].url,
      ...Object.fromEntries(flags),
    },
    { file: false },
  );
  const topics = [...new Set(consumers.map(({ topic }) => topic))];
  const logger = createLogger({ level: 'silent' });
  return createBus({ config, topics, consumers, inbox, logger, ...(clock && { clock }) });
}
