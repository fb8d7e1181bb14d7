import type { Delivery, Publisher, PublishOutcome, PublishTicket } from '../../../src/contract/broker.js';
import type { AnyConsumer, ConsumerOptions } from '../../../src/contract/consumer.js';
import { defineConsumer } from '../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../src/contract/define-topic.js';
import { BuscouplerError } from '../../../src/contract/errors.js';
import type { BusEventName, BusEvents, EmitEvent } from '../../../src/contract/events.js';
import type { Inbox } from '../../../src/contract/inbox.js';
import type { Logger } from '../../../src/contract/logger.js';
import type {
  BrokerName,
  HeaderValue,
  IncomingMessage,
  OutgoingMessage,
} from '../../../src/contract/message.js';
import type { TopicOptions } from '../../../src/contract/topic.js';
import { deadLetterOf } from '../../../src/dead-letters/record.js';
import { Pipeline } from '../../../src/delivery/pipeline.js';
import { TicketBook } from '../../../src/delivery/publish-ticket.js';
import type { Window } from '../../../src/delivery/window.js';
import { copyHeaders } from '../../../src/messages/headers.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';

/** An event as it was told. */
export type Told = { [Name in BusEventName]: { name: Name; event: BusEvents[Name] } }[BusEventName];

/** A logger that keeps what it is told. */
export function createRecordingLogger() {
  const lines: { level: string; fields: object; text: string }[] = [];
  const at = (level: string) => (fields: object, text: string) => {
    lines.push({ level, fields, text });
  };
  const logger: Logger = {
    level: 'info',
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    isLevelEnabled: (level) => level !== 'debug',
  };
  return { lines, logger };
}

/** One delivery, and how often it was settled. */
export interface TestDelivery extends Delivery {
  readonly source: { isLost: boolean };
  settled: number;
}

/** What a delivery is made of; everything has a default. */
export interface DeliveryFacts {
  readonly id?: string | null;
  readonly key?: string | null;
  readonly body?: Buffer | null;
  readonly headers?: Record<string, HeaderValue>;
  readonly broker?: BrokerName;
  readonly source?: { isLost: boolean };
}

let positions = 0;

export function deliveryOf(facts: DeliveryFacts = {}): TestDelivery {
  positions += 1;
  const { id = `id-${positions}`, key = null, body = Buffer.from('{"n":1}'), broker = 'rabbitmq' } = facts;
  const message: IncomingMessage = {
    id,
    key,
    body,
    headers: copyHeaders(facts.headers ?? {}),
    contentType: 'application/json',
    timestampMs: 1_700_000_000_000,
    position:
      broker === 'kafka'
        ? { broker, topic: 'orders', partition: 3, offset: String(positions) }
        : { broker, queue: 'billing-group', exchange: 'orders', routingKey: 'orders' },
    isRedelivered: false,
  };
  const delivery: TestDelivery = {
    message,
    source: facts.source ?? { isLost: false },
    settled: 0,
    settle: () => {
      delivery.settled += 1;
    },
  };
  return delivery;
}

/** How the dead-letter place answers; replaced by a test at any time. */
export type Answer = (ticket: PublishTicket) => PublishOutcome | null;

export const STORES: Answer = () => ({ status: 'stored' });
export const REFUSES: Answer = () => ({
  status: 'failed',
  error: new BuscouplerError('BC_PUBLISH_REFUSED', 'The place refuses.'),
});
export const NEVER_ANSWERS: Answer = () => null;

/** What a world is made of. */
export interface WorldOptions {
  readonly consumer?: Partial<ConsumerOptions<unknown>>;
  readonly topic?: Partial<TopicOptions>;
  readonly inbox?: Inbox | null;
  readonly window?: Window | null;
}

/** A pipeline on a fake clock, with a dead-letter place that a test holds. */
export function createWorld(options: WorldOptions = {}) {
  const clock = createFakeClock();
  const told: Told[] = [];
  const emit: EmitEvent = (name, event) => told.push({ name, event } as Told);
  const { lines, logger } = createRecordingLogger();
  const letters: OutgoingMessage[] = [];
  const retries: { delayMs: number; broker: BrokerName; message: OutgoingMessage }[] = [];
  const place = { answer: STORES, maxMessageBytes: 1_048_576 };
  const retryPlace: { answer: Answer; broker: BrokerName } = { answer: STORES, broker: 'rabbitmq' };
  const retryPublisher = (delayMs: number, broker: BrokerName): Publisher => ({
    maxMessageBytes: 1_048_576,
    publish: (ticket) => {
      ticket.wasSent = true;
      const outcome = retryPlace.answer(ticket);
      if (outcome === null) return;
      if (outcome.status === 'stored') retries.push({ delayMs, broker, message: ticket.message });
      ticket.settle(outcome);
    },
  });
  const publisher: Publisher = {
    get maxMessageBytes() {
      return place.maxMessageBytes;
    },
    publish: (ticket) => {
      ticket.wasSent = true;
      const outcome = place.answer(ticket);
      if (outcome === null) return;
      if (outcome.status === 'stored') letters.push(ticket.message);
      ticket.settle(outcome);
    },
  };
  const topic = defineTopic({ name: 'orders', ...options.topic });
  const consumer: AnyConsumer = defineConsumer({
    name: 'billing',
    topic,
    group: 'billing-group',
    handle: () => undefined,
    ...options.consumer,
  });
  const pipeline = new Pipeline({
    consumer,
    inbox: options.inbox ?? null,
    window: options.window ?? null,
    deadLetterOf: ({ delivery, id, failure, maxBytes }) =>
      deadLetterOf({ incoming: delivery.message, id, topic: topic.name }, failure, maxBytes),
    deadLetterPublisher: () => publisher,
    deadLetterPlace: () => 'billing-group_dlq',
    retryPlace: (delayMs) => ({
      broker: retryPlace.broker,
      publisher: retryPublisher(delayMs, retryPlace.broker),
    }),
    book: new TicketBook(clock),
    clock,
    random: () => 0,
    logger,
    emit,
  });
  const deliver = (facts: DeliveryFacts = {}): TestDelivery => {
    const delivery = deliveryOf(facts);
    pipeline.accept(delivery, delivery.message.position.broker);
    return delivery;
  };
  return {
    clock,
    told,
    lines,
    letters,
    retries,
    place,
    retryPlace,
    pipeline,
    deliver,
    names: () => told.map(({ name }) => name),
  };
}

/** A promise with its handles. */
export interface Deferred<Value = void> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

export function deferred<Value = void>(): Deferred<Value> {
  let resolve!: (value: Value) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Value>((resolveIt, rejectIt) => {
    resolve = resolveIt;
    reject = rejectIt;
  });
  return { promise, resolve, reject };
}
