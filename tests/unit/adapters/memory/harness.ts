import { createLogBroker } from '../../../../src/adapters/memory/log-broker.js';
import { createLogStore } from '../../../../src/adapters/memory/log-store.js';
import { createQueueBroker } from '../../../../src/adapters/memory/queue-broker.js';
import { createQueueStore } from '../../../../src/adapters/memory/queue-store.js';
import type { BrokerPort, Delivery, Leg, PublishOutcome } from '../../../../src/contract/broker.js';
import type { AnyConsumer, ConsumerOptions } from '../../../../src/contract/consumer.js';
import { defineConsumer } from '../../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../../src/contract/define-topic.js';
import type { BusEventName, BusEvents, EmitEvent } from '../../../../src/contract/events.js';
import type { Logger } from '../../../../src/contract/logger.js';
import type { HeaderValue, OutgoingMessage } from '../../../../src/contract/message.js';
import type { PublishBounds } from '../../../../src/contract/settings.js';
import type { AnyTopic, TopicOptions } from '../../../../src/contract/topic.js';
import { Ticket } from '../../../../src/delivery/publish-ticket.js';
import { HEADERS } from '../../../../src/messages/header-names.js';
import { createFakeClock, type FakeClock } from '../../../../src/testing/fake-clock.js';

const BOUNDS: PublishBounds = { maxInFlight: 1_000, maxWaiting: 10_000, maxBytes: 64 * 1024 * 1024 };

const quiet: Logger = {
  level: 'silent',
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  isLevelEnabled: () => false,
};

/** Lets every microtask that is queued, and those that they queue, run. */
export async function settleMicrotasks(): Promise<void> {
  for (let rounds = 0; rounds < 50; rounds += 1) await Promise.resolve();
}

/** An event as a client told it. */
export type Told = { [Name in BusEventName]: { name: Name; event: BusEvents[Name] } }[BusEventName];

/** What a client is made with. */
export interface ClientOptions {
  readonly bounds?: Partial<PublishBounds>;
  readonly clientId?: string;
}

/** The parts that every client shares, with what it told. */
function parts(clock: FakeClock, options: ClientOptions) {
  const told: Told[] = [];
  const emit: EmitEvent = (name, event) => told.push({ name, event } as Told);
  return {
    told,
    options: {
      clock,
      random: () => 0.5,
      logger: quiet,
      emit,
      bounds: { ...BOUNDS, ...options.bounds },
      clientId: options.clientId ?? 'client',
    },
  };
}

/** A client of a broker, and what it told. */
export interface Client {
  readonly broker: BrokerPort;
  readonly told: readonly Told[];
}

/** Makes clients that are connected already. */
const connected =
  (newClient: (options?: ClientOptions) => Client) =>
  async (options: ClientOptions = {}): Promise<Client> => {
    const client = newClient(options);
    await client.broker.connect(new AbortController().signal);
    return client;
  };

/** A clock and a log on it, with clients. */
export function logWorld(storeOptions: { maxBytes?: number } = {}) {
  const clock = createFakeClock();
  const store = createLogStore({ clock, ...storeOptions });
  const newClient = (options: ClientOptions = {}): Client => {
    const { told, options: shared } = parts(clock, options);
    return { broker: createLogBroker({ ...shared, store }), told };
  };
  return { clock, store, newClient, client: connected(newClient) };
}

/** A clock and queues on it, with clients. */
export function queueWorld(storeOptions: { maxBytes?: number; maxMessageBytes?: number } = {}) {
  const clock = createFakeClock();
  const store = createQueueStore({ clock, ...storeOptions });
  const newClient = (options: ClientOptions = {}): Client => {
    const { told, options: shared } = parts(clock, options);
    return { broker: createQueueBroker({ ...shared, store }), told };
  };
  return { clock, store, newClient, client: connected(newClient) };
}

export const topicOf = (options: Partial<TopicOptions> = {}): AnyTopic =>
  defineTopic({ name: 'orders', ...options });

export const consumerOf = (options: Partial<ConsumerOptions<unknown>> = {}): AnyConsumer =>
  defineConsumer({
    name: 'billing',
    topic: topicOf(),
    group: 'billing-group',
    handle: () => undefined,
    ...options,
  });

/** A message as the bus makes it. */
export function messageOf(
  id: string,
  options: { key?: string; body?: Buffer | null; headers?: Record<string, HeaderValue> } = {},
): OutgoingMessage {
  const { key = null, body = Buffer.from(JSON.stringify({ id })), headers = {} } = options;
  return {
    id,
    key,
    body,
    headers: {
      [HEADERS.id]: id,
      [HEADERS.contentType]: 'application/json',
      ...(key === null ? {} : { [HEADERS.key]: key }),
      ...headers,
    },
    contentType: 'application/json',
    timestampMs: 1_700_000_000_000,
  };
}

/** A published message and how it ended. */
export interface Published {
  readonly ticket: Ticket;
  outcome: PublishOutcome | null;
}

/** A ticket with far deadline whose outcome can be looked at. */
export function ticketOf(message: OutgoingMessage, settled: string[] = []): Published {
  const published: Published = {
    ticket: new Ticket(message, 1e9, {
      ticketSettled: (_, outcome) => {
        published.outcome = outcome;
        settled.push(`${message.id}:${outcome.status}`);
      },
    }),
    outcome: null,
  };
  return published;
}

/** Publishes to a topic and remembers how each ended, and in which order. */
export function publishing(broker: BrokerPort, topic: AnyTopic = topicOf()) {
  const publisher = broker.publisher({ kind: 'topic', topic });
  const settled: string[] = [];
  const send = (id: string, options: Parameters<typeof messageOf>[1] = {}): Published => {
    const published = ticketOf(messageOf(id, options), settled);
    publisher.publish(published.ticket);
    return published;
  };
  return { publisher, settled, send };
}

/** An attached consumer and everything it was handed. */
export interface Attached {
  readonly leg: Leg;
  readonly deliveries: Delivery[];
  /** Ids that it was handed, in order. */
  ids(): (string | null)[];
  settleAll(): void;
}

/** Attaches and records; with `onDelivery` every delivery goes there too. */
export async function attach(
  broker: BrokerPort,
  options: {
    readonly consumer?: AnyConsumer;
    readonly capacity?: number;
    readonly onDelivery?: (delivery: Delivery) => void;
  } = {},
): Promise<Attached> {
  const { consumer = consumerOf(), capacity = 1_000, onDelivery } = options;
  const deliveries: Delivery[] = [];
  const leg = await broker.attach({
    consumer,
    capacity,
    deliver: (delivery) => {
      deliveries.push(delivery);
      onDelivery?.(delivery);
    },
  });
  return {
    leg,
    deliveries,
    ids: () => deliveries.map((one) => one.message.id),
    settleAll: () => {
      for (const delivery of deliveries) delivery.settle();
    },
  };
}
