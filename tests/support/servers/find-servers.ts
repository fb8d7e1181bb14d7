import { KAFKA_OFFER, startKafka } from './kafka.js';
import { MONGODB_OFFER, startMongodb } from './mongodb.js';
import type { Offer } from './place.js';
import { startRabbit } from './rabbitmq.js';
import type { RabbitVersion } from './rabbitmq-scripts.js';
import { rabbitOffer } from './rabbitmq-scripts.js';

/** The servers that tests ask for by name. */
export type ServerName = 'kafka' | 'rabbitmq-3.10' | 'rabbitmq-4.0' | 'mongodb';

/** How a server is reached. */
export interface ServerAddresses {
  readonly kafka: { readonly brokers: readonly string[] };
  readonly 'rabbitmq-3.10': RabbitAddress;
  readonly 'rabbitmq-4.0': RabbitAddress;
  readonly mongodb: { readonly url: string };
}

export interface RabbitAddress {
  readonly url: string;
  /** Undefined when a RabbitMQ was named by its URL alone. */
  readonly managementUrl: string | undefined;
}

/** A server that was found or started; disposing of one that was found does nothing. */
export interface FoundServer<Name extends ServerName> {
  readonly address: ServerAddresses[Name];
  dispose(): Promise<void>;
}

/** How each server is found: named by the environment, else started in Docker or from what is installed. */
export const FIND: { readonly [Name in ServerName]: () => Promise<FoundServer<Name>> } = {
  async kafka() {
    const named = process.env.TEST_KAFKA_BROKERS;
    if (named) return foreign({ brokers: named.split(',') });
    const { brokers, dispose } = await startKafka();
    return { address: { brokers }, dispose };
  },
  'rabbitmq-3.10': () =>
    findRabbit('3.10', process.env.TEST_RABBITMQ_URL, process.env.TEST_RABBITMQ_MANAGEMENT_URL),
  'rabbitmq-4.0': () =>
    findRabbit('4.0', process.env.TEST_RABBITMQ4_URL, process.env.TEST_RABBITMQ4_MANAGEMENT_URL),
  async mongodb() {
    const url = process.env.TEST_MONGODB_URL;
    if (url) return foreign({ url });
    const mongodb = await startMongodb();
    return { address: { url: mongodb.url }, dispose: mongodb.dispose };
  },
};

/** What a suite that starts a server of its own needs: the environment's servers cannot be killed. */
export const OFFERS: { readonly [Name in ServerName]: Offer } = {
  kafka: KAFKA_OFFER,
  'rabbitmq-3.10': rabbitOffer('3.10'),
  'rabbitmq-4.0': rabbitOffer('4.0'),
  mongodb: MONGODB_OFFER,
};

async function findRabbit(
  version: RabbitVersion,
  url: string | undefined,
  managementUrl: string | undefined,
) {
  if (url) return foreign({ url, managementUrl });
  const rabbit = await startRabbit({ version });
  return { address: { url: rabbit.url, managementUrl: rabbit.managementUrl }, dispose: rabbit.dispose };
}

function foreign<Address>(address: Address): { address: Address; dispose: () => Promise<void> } {
  return { address, dispose: async () => {} };
}
