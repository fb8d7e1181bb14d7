import { randomUUID } from 'node:crypto';
import { type Channel, type ChannelModel, connect, type Options } from 'amqplib';
import { createRabbitmqBroker } from '../../../src/adapters/rabbitmq/broker.js';
import {
  type BrokerPort,
  type Delivery,
  type Destination,
  type LegRole,
  type Publisher,
  type PublishOutcome,
  STORED,
} from '../../../src/contract/broker.js';
import type { AnyConsumer, RabbitmqConsumerSettings } from '../../../src/contract/consumer.js';
import { defineConsumer } from '../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../src/contract/define-topic.js';
import type { BusEventName, BusEvents } from '../../../src/contract/events.js';
import type { Logger } from '../../../src/contract/logger.js';
import type { Headers, OutgoingMessage } from '../../../src/contract/message.js';
import type { PublishBounds, RabbitmqSettings } from '../../../src/contract/settings.js';
import type { AnyTopic, RabbitmqTopicSettings, TopicOptions } from '../../../src/contract/topic.js';
import { Ticket, TicketBook } from '../../../src/delivery/publish-ticket.js';
import { systemClock } from '../../../src/delivery/system-clock.js';
import { retryQueueOf } from '../../../src/messages/names.js';

/** One thing that the broker told. */
export interface Told<Name extends BusEventName = BusEventName> {
  readonly name: Name;
  readonly event: BusEvents[Name];
}

/** Everything that was told, and a way to wait for what will be. */
export interface Recorder<T> {
  readonly all: readonly T[];
  add(one: T): void;
  /** Resolves when so many fit, those already there included. */
  until(fits: (one: T) => boolean, count?: number): Promise<T[]>;
}

export function recorder<T>(): Recorder<T> {
  const all: T[] = [];
  const looks = new Set<() => void>();
  return {
    all,
    add(one) {
      all.push(one);
      for (const look of [...looks]) look();
    },
    until(fits, count = 1) {
      return new Promise((resolve) => {
        let seen = 0;
        const found: T[] = [];
        const look = (): void => {
          for (; seen < all.length && found.length < count; seen += 1) {
            if (fits(all[seen] as T)) found.push(all[seen] as T);
          }
          if (found.length < count) return;
          looks.delete(look);
          resolve(found);
        };
        looks.add(look);
        look();
      });
    },
  };
}

const silent: Logger = {
  level: 'silent',
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  isLevelEnabled: () => false,
};

export const SETTINGS: Omit<RabbitmqSettings, 'urls'> = {
  clientId: 'adapter-test',
  heartbeatSeconds: 10,
  connectionTimeoutMs: 5_000,
  requestTimeoutMs: 5_000,
};

const BOUNDS: PublishBounds = { maxInFlight: 1_000, maxWaiting: 50_000, maxBytes: 64 * 1024 * 1024 };

/** The place from which a copy comes back to this consumer after a delay. */
export interface RetryOf {
  readonly retryOf: AnyConsumer;
  readonly delayMs: number;
}

function destinationOf(to: AnyTopic | { deadLetterOf: AnyConsumer } | RetryOf): Destination {
  if ('retryOf' in to) return { kind: 'retry', consumer: to.retryOf, delayMs: to.delayMs };
  if ('deadLetterOf' in to) return { kind: 'dead-letter', consumer: to.deadLetterOf };
  return { kind: 'topic', topic: to };
}

/** A broker under test with everything that it tells. */
export interface TestBroker {
  readonly port: BrokerPort;
  readonly told: Recorder<Told>;
  publish(
    destination: AnyTopic | { deadLetterOf: AnyConsumer } | RetryOf,
    message: OutgoingMessage,
  ): Promise<PublishOutcome>;
}

export interface TestBrokerOptions {
  readonly settings?: Partial<RabbitmqSettings>;
  readonly bounds?: Partial<PublishBounds>;
  readonly publishTimeoutMs?: number;
}

/** Tickets as the bus makes them, with their deadline. */
export function ticketMaker(
  timeoutMs: number,
): (publisher: Publisher, message: OutgoingMessage) => Promise<PublishOutcome> {
  const book = new TicketBook(systemClock);
  return (publisher, message) =>
    new Promise((resolve) => {
      const ticket = new Ticket(message, systemClock.monotonicMs() + timeoutMs, {
        ticketSettled: (_, outcome) => resolve(outcome),
      });
      book.add(ticket);
      publisher.publish(ticket);
    });
}

/** What a test made, taken back at its end in reverse order. */
export function cleanup(): { add(undo: () => Promise<unknown>): void; run(): Promise<void> } {
  const undos: (() => Promise<unknown>)[] = [];
  return {
    add: (undo) => void undos.push(undo),
    async run() {
      for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) await undo();
    },
  };
}

export type Cleanup = ReturnType<typeof cleanup>;

export function makeBroker(url: string, undo: Cleanup, options: TestBrokerOptions = {}): TestBroker {
  const told = recorder<Told>();
  const port = createRabbitmqBroker({
    settings: { ...SETTINGS, urls: [url], ...options.settings },
    bounds: { ...BOUNDS, ...options.bounds },
    clock: systemClock,
    random: Math.random,
    logger: silent,
    emit: (name, event) => told.add({ name, event }),
  });
  const send = ticketMaker(options.publishTimeoutMs ?? 20_000);
  const publishers = new Map<unknown, Publisher>();
  undo.add(() => port.close({ deadlineMs: 3_000 }));
  return {
    port,
    told,
    publish(destination, message) {
      let publisher = publishers.get(destination);
      if (publisher === undefined) {
        publisher = port.publisher(destinationOf(destination));
        publishers.set(destination, publisher);
      }
      return send(publisher, message);
    },
  };
}

/** A connected broker. */
export async function openBroker(
  url: string,
  undo: Cleanup,
  options: TestBrokerOptions = {},
): Promise<TestBroker> {
  const broker = makeBroker(url, undo, options);
  await broker.port.connect(AbortSignal.timeout(10_000));
  return broker;
}

/** A plain client beside the broker under test, whose channel is opened anew when the server closed it. */
export interface Plain {
  readonly connection: ChannelModel;
  channel(): Promise<Channel>;
}

export async function openPlain(url: string | Options.Connect, undo: Cleanup): Promise<Plain> {
  const connection = await connect(url);
  connection.on('error', () => {});
  undo.add(() => connection.close().catch(() => undefined));
  return {
    connection,
    async channel() {
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      return channel;
    },
  };
}

/** A topic and a consumer with names of their own; their places are removed at the end. */
export function makePlaces(
  plain: Plain,
  undo: Cleanup,
  options: {
    topic?: Partial<TopicOptions>;
    exchange?: RabbitmqTopicSettings;
    consumer?: RabbitmqConsumerSettings;
    /** Delays of its retry queues, ms. */
    deferred?: readonly number[];
  } = {},
): { topic: AnyTopic; consumer: AnyConsumer; queue: string; exchange: string } {
  const name = `adapter_${randomUUID().replaceAll('-', '')}_topic`;
  const group = `${name}-group`;
  const topic = defineTopic({
    name,
    ...options.topic,
    ...(options.exchange && { rabbitmq: options.exchange }),
  });
  const consumer = defineConsumer({
    name: name.replaceAll('_', '-'),
    topic,
    group,
    handle: () => undefined,
    ...(options.deferred && { retry: { deferred: options.deferred } }),
    ...(options.consumer && { rabbitmq: options.consumer }),
  }) as AnyConsumer;
  const exchange = options.exchange?.exchange ?? name;
  const queue = options.consumer?.queue ?? group;
  undo.add(async () => {
    const retries = (options.deferred ?? []).map((delayMs) => retryQueueOf(consumer, delayMs));
    for (const one of [queue, options.consumer?.deadLetterQueue ?? `${queue}_dlq`, ...retries]) {
      await (await plain.channel()).deleteQueue(one).catch(() => undefined);
    }
    if (exchange !== '') await (await plain.channel()).deleteExchange(exchange).catch(() => undefined);
  });
  return { topic, consumer, queue, exchange };
}

/** Resolves when the queue holds so many; the broker moves messages by itself. Receiving them could kill us. */
export async function untilHolds(plain: Plain, queue: string, count: number): Promise<void> {
  const channel = await plain.channel();
  while ((await channel.checkQueue(queue)).messageCount !== count) await new Promise(setImmediate);
  await channel.close();
}

let counter = 0;

/** A message as the bus composes it. */
export function message(overrides: Partial<OutgoingMessage> & { headers?: Headers } = {}): OutgoingMessage {
  counter += 1;
  const id = overrides.id ?? `id-${counter}`;
  return {
    key: null,
    body: Buffer.from(JSON.stringify({ counter })),
    contentType: 'application/json',
    timestampMs: Date.now(),
    ...overrides,
    id,
    headers: {
      'bc-id': id,
      'bc-published-at': new Date().toISOString(),
      'content-type': 'application/json',
      ...overrides.headers,
    },
  };
}

/** Attaches a leg that records; deliveries are settled at once unless `hold`. */
export async function attachRecorder(
  { port }: TestBroker,
  consumer: AnyConsumer,
  options: { capacity?: number; role?: LegRole; hold?: (delivery: Delivery) => boolean } = {},
) {
  const seen = recorder<Delivery>();
  const leg = await port.attach({
    consumer,
    capacity: options.capacity ?? 128,
    ...(options.role && { role: options.role }),
    deliver: (delivery) => {
      if (!options.hold?.(delivery)) delivery.settle();
      seen.add(delivery);
    },
  });
  return { leg, seen, ids: () => seen.all.map((delivery) => delivery.message.id as string) };
}

export { STORED };

/** Both versions, in the form of `describe.each`. */
export const VERSIONS = ['rabbitmq-3.10', 'rabbitmq-4.0'] as const;
