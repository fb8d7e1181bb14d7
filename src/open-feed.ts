import type { BusConfig } from './config/bus-config.js';
import { type ResolvedFlag, resolveFlags } from './config/flags.js';
import type { BrokerPort, Publisher } from './contract/broker.js';
import type { Clock, Random } from './contract/clock.js';
import type { AnyConsumer } from './contract/consumer.js';
import { changeConsumer } from './contract/define-consumer.js';
import { BuscouplerError } from './contract/errors.js';
import type { EmitEvent } from './contract/events.js';
import type { Inbox } from './contract/inbox.js';
import type { Logger } from './contract/logger.js';
import type { BrokerName } from './contract/message.js';
import { deadLetterOf } from './dead-letters/record.js';
import { Pipeline } from './delivery/pipeline.js';
import type { RetryPlace } from './delivery/pipeline-options.js';
import type { TicketBook } from './delivery/publish-ticket.js';
import { surelyRememberedMs, type Window } from './delivery/window.js';
import { ConsumerFeed } from './handover/consumer-feed.js';
import { deadLetterQueueOf, deadLetterTopicOf, retryTopicsOf } from './messages/names.js';
import { checkConsumer, checkFeed, namePlaces } from './routing/check-consumer.js';
import { checkInbox } from './routing/check-inbox.js';
import { checkTwins } from './routing/check-topic.js';
import type { Routes } from './routing/routes.js';

/** What the feeds of a bus share. */
export interface FeedParts {
  readonly config: BusConfig;
  /** `null`: there is none. */
  readonly inbox: Inbox | null;
  readonly routes: Routes;
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  readonly book: TicketBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly emit: EmitEvent;
}

const configOf = ({ consumers }: BusConfig, name: string) =>
  (Object.hasOwn(consumers, name) ? consumers[name] : undefined) ?? {};

/** Throws BC_DEFINITION_INVALID for what is no definition. */
export function requireConsumer(given: AnyConsumer): void {
  if (given?.kind === 'consumer') return;
  throw new BuscouplerError('BC_DEFINITION_INVALID', 'A consumer must come from defineConsumer.');
}

/** Makes the feed of one consumer, as configured, after it was checked by itself and against those that are there. */
export function openFeed(
  parts: FeedParts,
  given: AnyConsumer,
  present: readonly AnyConsumer[],
): { readonly definition: AnyConsumer; readonly feed: ConsumerFeed } {
  const { config, inbox, routes, ports, clock, emit } = parts;
  requireConsumer(given);
  const plan = routes.planOf(given.topic);
  const configured = changeConsumer({ ...given, topic: plan.topic }, configOf(config, given.name));
  const definition = namePlaces(configured, present);
  checkConsumer(definition, present, plan.brokers);
  const { maxMessageAgeMs, deadLetters } = config;
  checkInbox(definition, inbox, { maxMessageAgeMs, ...deadLetters });
  checkTwins([
    ...routes.kafkaNames(),
    ...[...present, definition].flatMap((one) =>
      routes.planOf(one.topic).brokers.includes('kafka')
        ? [deadLetterTopicOf(one), ...retryTopicsOf(one)]
        : [],
    ),
  ]);
  const names = [...present, definition].map(({ name }) => name);
  const flag = resolveFlags(config, names, { unknown: 'ignore' }).get(definition.name) as ResolvedFlag;
  checkFeed(definition, plan, flag);
  const port = (broker: BrokerName): BrokerPort => ports.get(broker) as BrokerPort;
  const pipeline = new Pipeline({
    consumer: definition,
    inbox,
    window: windowOf(definition, inbox, maxMessageAgeMs),
    deadLetterOf: ({ delivery, id, failure, maxBytes }) =>
      deadLetterOf({ incoming: delivery.message, id, topic: definition.topic.name }, failure, maxBytes),
    deadLetterPublisher: oncePerBroker((broker) =>
      port(broker).publisher({ kind: 'dead-letter', consumer: definition }),
    ),
    deadLetterPlace: (broker) =>
      broker === 'kafka' ? deadLetterTopicOf(definition) : deadLetterQueueOf(definition),
    retryPlace: retryPlaces(definition, () => feed.broker, port),
    book: parts.book,
    clock,
    random: parts.random,
    logger: parts.logger,
    emit,
  });
  const checkMove = (consumer: AnyConsumer, to: BrokerName): void => {
    checkFeed(consumer, plan, { broker: to, setting: `the move of "${consumer.name}"` });
    if (inbox !== null && consumer.inbox) return;
    const what = `"${consumer.name}" has no inbox: it would handle what it handled before once more on ${to}.`;
    throw new BuscouplerError('BC_MOVE_REFUSED', what);
  };
  const feed: ConsumerFeed = new ConsumerFeed({
    consumer: definition,
    broker: flag.broker,
    ports,
    pipeline,
    carriers: plan.brokers,
    inbox: definition.inbox ? inbox : null,
    clock,
    emit,
    checkMove,
  });
  return { definition, feed };
}

/** Where a consumer's retries wait: always on the broker that feeds it now, whichever delivered the message. */
function retryPlaces(
  consumer: AnyConsumer,
  fedBy: () => BrokerName,
  port: (broker: BrokerName) => BrokerPort,
): (delayMs: number) => RetryPlace {
  const publishers = oncePerBroker((broker) => {
    const byDelay = new Map<number, Publisher>();
    return (delayMs: number): Publisher => {
      const present = byDelay.get(delayMs) ?? port(broker).publisher({ kind: 'retry', consumer, delayMs });
      byDelay.set(delayMs, present);
      return present;
    };
  });
  return (delayMs) => {
    const broker = fedBy();
    return { broker, publisher: publishers(broker)(delayMs) };
  };
}

/** The memory of one process ends with it, so that it decides about ages only where the consumer says so. */
function windowOf(consumer: AnyConsumer, inbox: Inbox | null, maxMessageAgeMs: number): Window | null {
  if (inbox === null) return null;
  const policy = consumer.outsideWindow ?? (inbox.isShared ? 'stop' : 'run');
  return { policy, maxMessageAgeMs, maxCopyAgeMs: surelyRememberedMs(inbox.ttlMs) };
}

/** Makes what is asked for when it is first asked for. */
function oncePerBroker<Made>(make: (broker: BrokerName) => Made): (broker: BrokerName) => Made {
  const made = new Map<BrokerName, Made>();
  return (broker) => {
    const present = made.get(broker) ?? make(broker);
    made.set(broker, present);
    return present;
  };
}
