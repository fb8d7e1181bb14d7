import {
  type BusConfig,
  type ConsumerDefinition,
  defineConsumer,
  defineTopic,
  loadConfig,
} from '../../../src/index.js';
import type { Guarantee, KillPlan } from './plan.js';

/** What one message says. */
export interface Order {
  readonly key: string;
}

/** Name of the one consumer. */
export const CONSUMER = 'billing';

/** Each is a lane of its own, in order. */
export const KEYS = ['ann', 'bob', 'cy'] as const;

/** The key of a message, by the number in its id. */
export const keyOf = (id: string): string => KEYS[Number(id.split('-')[1]) % KEYS.length] as string;

/** Kafka gives a member up that is silent for so long; a killed one says nothing any more, ms. */
const SESSION_MS = 1_500;

/** What MongoDB gives a transaction to live, s: locks of a killed process live no longer than a little more. */
export const TRANSACTION_LIFETIME_S = 3;

const HANDLER_TIMEOUT_MS = 2_500;

const INBOX_OF: Readonly<Record<Guarantee, boolean | { readonly transaction: true }>> = {
  none: false,
  record: true,
  transaction: { transaction: true },
};

/** The topic of a plan; whoever publishes and whoever consumes agree on it. */
export const topicOf = ({ name, broker }: KillPlan) =>
  defineTopic<Order>({
    name: `${name}_orders`,
    brokers: [broker],
    key: ({ key }) => key,
    kafka: { partitions: 3, replicationFactor: 1 },
  });

/** The consumer of a plan. */
export const consumerOf = (
  plan: KillPlan,
  handle: ConsumerDefinition<Order>['handle'],
): ConsumerDefinition<Order> =>
  defineConsumer({
    name: CONSUMER,
    topic: topicOf(plan),
    group: `${plan.name}-billing`,
    retry: { inline: { attempts: 1 }, deferred: [300] },
    inbox: INBOX_OF[plan.guarantee],
    timeoutMs: HANDLER_TIMEOUT_MS,
    handle,
  });

/** The configuration of a plan: its one broker. */
export const configOf = ({ broker, servers }: KillPlan): Promise<BusConfig> =>
  loadConfig(
    broker === 'kafka'
      ? {
          KAFKA_ENABLED: 'true',
          KAFKA_BROKERS: servers.kafka,
          KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
        }
      : { RABBITMQ_ENABLED: 'true', RABBITMQ_URL: servers.rabbitmq },
    { file: false },
  );
