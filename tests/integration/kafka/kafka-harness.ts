import { randomBytes } from 'node:crypto';
import { afterEach } from '@jest/globals';
import { createKafkaBroker, type KafkaBrokerOptions } from '../../../src/adapters/kafka/broker.js';
import type {
  BrokerPort,
  Delivery,
  LegSpec,
  Publisher,
  PublishOutcome,
} from '../../../src/contract/broker.js';
import type { AnyConsumer, ConsumerOptions } from '../../../src/contract/consumer.js';
import { defineConsumer } from '../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../src/contract/define-topic.js';
import type { BusEventName, BusEvents } from '../../../src/contract/events.js';
import type { Logger } from '../../../src/contract/logger.js';
import type { Headers, OutgoingMessage } from '../../../src/contract/message.js';
import type { KafkaSettings, PublishBounds } from '../../../src/contract/settings.js';
import type { AnyTopic, KafkaTopicSettings } from '../../../src/contract/topic.js';
import { Ticket } from '../../../src/delivery/publish-ticket.js';
import { systemClock } from '../../../src/delivery/system-clock.js';
import { HEADERS } from '../../../src/messages/header-names.js';

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  level: 'silent',
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  isLevelEnabled: () => false,
};

/** Something that happened, awaited instead of slept for. */
export class Recorder<Item> {
  readonly items: Item[] = [];
  readonly #waiting = new Set<() => void>();

  add(item: Item): void {
    this.items.push(item);
    for (const check of [...this.#waiting]) check();
  }

  /** Resolves as soon as the items so far are enough. */
  until(isEnough: (items: readonly Item[]) => boolean): Promise<readonly Item[]> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!isEnough(this.items)) return;
        this.#waiting.delete(check);
        resolve(this.items);
      };
      this.#waiting.add(check);
      check();
    });
  }

  count(count: number): Promise<readonly Item[]> {
    return this.until((items) => items.length >= count);
  }
}

/** One event as it was emitted. */
export interface EmittedEvent {
  readonly name: BusEventName;
  readonly event: BusEvents[BusEventName];
}

/** A broker under test, with everything that it told. */
export interface OpenedBroker {
  readonly broker: BrokerPort;
  readonly events: Recorder<EmittedEvent>;
  /** Resolves with the first event of the name, past ones included. */
  event<Name extends BusEventName>(name: Name): Promise<BusEvents[Name]>;
}

/** How a broker under test differs from the defaults. */
export interface BrokerChanges {
  readonly settings?: Partial<KafkaSettings>;
  readonly bounds?: Partial<PublishBounds>;
  readonly poisonLetterOf?: NonNullable<KafkaBrokerOptions['poisonLetterOf']>;
}

const BOUNDS: PublishBounds = { maxInFlight: 1_000, maxWaiting: 30_000, maxBytes: 64 * 1024 * 1024 };

const closers: (() => Promise<void>)[] = [];

/** Opens a broker; closes it after the test. */
export async function openBroker(
  brokers: readonly string[],
  changes: BrokerChanges = {},
): Promise<OpenedBroker> {
  const opened = makeBroker(brokers, changes);
  await opened.broker.connect(new AbortController().signal);
  return opened;
}

/** Makes a broker without connecting it; closes it after the test. */
export function makeBroker(brokers: readonly string[], changes: BrokerChanges = {}): OpenedBroker {
  const events = new Recorder<EmittedEvent>();
  const broker = createKafkaBroker({
    settings: {
      brokers,
      clientId: 'buscoupler-test',
      compression: 'none',
      connectionTimeoutMs: 5_000,
      requestTimeoutMs: 10_000,
      sessionTimeoutMs: 10_000,
      ...changes.settings,
    },
    bounds: { ...BOUNDS, ...changes.bounds },
    ...(changes.poisonLetterOf === undefined ? {} : { poisonLetterOf: changes.poisonLetterOf }),
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    emit: (name, event) => events.add({ name, event }),
  });
  closers.push(() => broker.close({ deadlineMs: 2_000 }));
  const event = async <Name extends BusEventName>(name: Name): Promise<BusEvents[Name]> => {
    const all = await events.until((items) => items.some((item) => item.name === name));
    return all.find((item) => item.name === name)?.event as BusEvents[Name];
  };
  return { broker, events, event };
}

/** Registers the closing of every broker that a test opens. Call it once per file. */
export function closeBrokersAfterEach(): void {
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });
}

/** A name that no other test uses. */
export const uniqueName = (what: string): string => `${what}_${randomBytes(6).toString('hex')}`;

/** A topic of its own. */
export const someTopic = (kafka: KafkaTopicSettings = {}, name = uniqueName('orders')): AnyTopic =>
  defineTopic({ name, kafka: { partitions: 3, ...kafka } });

/** A consumer of a topic, in a group of its own; its handler is never called by an adapter. */
export const someConsumer = (topic: AnyTopic, options: Partial<ConsumerOptions<unknown>> = {}): AnyConsumer =>
  defineConsumer({
    name: uniqueName('reader').replaceAll('_', '-'),
    topic,
    group: uniqueName('group'),
    handle: () => {},
    ...options,
    kafka: { retryPrefix: uniqueName('retries'), ...options.kafka },
  }) as AnyConsumer;

/** A message as the bus composes one. */
export function someMessage(id: string, options: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const headers: Headers = { [HEADERS.id]: id, [HEADERS.contentType]: 'application/json' };
  return {
    id,
    key: null,
    body: Buffer.from(JSON.stringify({ id })),
    contentType: 'application/json',
    timestampMs: Date.now(),
    ...options,
    headers: { ...headers, ...options.headers },
  };
}

/** A publish and how it ended. */
export interface Sent {
  readonly ticket: Ticket;
  readonly outcome: Promise<PublishOutcome>;
}

/** Publishes one message; the owner's deadline is `timeoutMs` from now. */
export function send(publisher: Publisher, message: OutgoingMessage, timeoutMs = 20_000): Sent {
  let settled: (outcome: PublishOutcome) => void = () => {};
  const outcome = new Promise<PublishOutcome>((resolve) => {
    settled = resolve;
  });
  const deadlineMs = systemClock.monotonicMs() + timeoutMs;
  const ticket = new Ticket(message, deadlineMs, { ticketSettled: (_, one) => settled(one) });
  publisher.publish(ticket);
  return { ticket, outcome };
}

/** What a recorded leg was given. */
export interface RecordedLeg {
  readonly spec: LegSpec;
  readonly deliveries: Recorder<Delivery>;
  /** The ids so far, each once. */
  readonly ids: ReadonlySet<string | null>;
  /** Resolves when so many different messages were delivered. */
  readonly distinct: (count: number) => Promise<void>;
}

/** A leg whose deliveries are recorded; each is settled when `isSettled` says so, at once by default. */
export function recordingSpec(
  consumer: AnyConsumer,
  options: { readonly capacity?: number; readonly isSettled?: (delivery: Delivery) => boolean } = {},
): RecordedLeg {
  const deliveries = new Recorder<Delivery>();
  const ids = new Set<string | null>();
  const deliver = (delivery: Delivery): void => {
    ids.add(delivery.message.id);
    deliveries.add(delivery);
    if (options.isSettled?.(delivery) ?? true) delivery.settle();
  };
  const distinct = async (count: number): Promise<void> => {
    await deliveries.until(() => ids.size >= count);
  };
  return { spec: { consumer, capacity: options.capacity ?? 256, deliver }, deliveries, ids, distinct };
}
