import { Container, type ResolutionContext, type ServiceIdentifier } from 'inversify';
import type { BusConfig } from './config/bus-config.js';
import { resolveFlags, warnOfUnknownFlags } from './config/flags.js';
import { secretsOf } from './config/secrets.js';
import type { BrokerPort } from './contract/broker.js';
import type { Clock, Random } from './contract/clock.js';
import type { AnyConsumer } from './contract/consumer.js';
import { describeError } from './contract/errors.js';
import type { Inbox } from './contract/inbox.js';
import type { Logger } from './contract/logger.js';
import type { BrokerName } from './contract/message.js';
import type { MessageBus } from './contract/message-bus.js';
import type { Outbox, OutboxRelay } from './contract/outbox.js';
import type { AnyTopic } from './contract/topic.js';
import { createEventHub, type EventHub } from './delivery/event-hub.js';
import { TicketBook } from './delivery/publish-ticket.js';
import { systemClock } from './delivery/system-clock.js';
import { followFile } from './follow-file.js';
import { Consumers } from './handover/consumers.js';
import { createLogger } from './observability/create-logger.js';
import { logEvents } from './observability/log-events.js';
import { openFeed, requireConsumer } from './open-feed.js';
import { type BrokerParts, openPort } from './open-port.js';
import { answeringOutbox } from './outbox/answering-outbox.js';
import { Relay } from './outbox/relay.js';
import { BackgroundCopies } from './routing/background-copies.js';
import { logPublishes } from './routing/log-publishes.js';
import { createOutboxPath } from './routing/outbox-path.js';
import { createOutboxSender } from './routing/outbox-sender.js';
import { planRoute } from './routing/plan-route.js';
import { createPublishPath } from './routing/publish-path.js';
import { RoutedBus } from './routing/routed-bus.js';
import { Routes } from './routing/routes.js';

/** What {@link createBus} takes. */
export interface CreateBusOptions {
  /** From `loadConfig`. */
  readonly config: BusConfig;
  readonly topics?: readonly AnyTopic[];
  readonly consumers?: readonly AnyConsumer[];
  /** True: more are added later; flags of consumers that are not there yet are a warning instead of an error. Default `false`. */
  readonly lateConsumers?: boolean;
  /** Recognises messages that a consumer handled before. Without one, a message may have its effect again after every fault, and no consumer can move while it runs. */
  readonly inbox?: Inbox;
  /** Keeps what is published with a `session` until its transaction is committed and every broker has it. */
  readonly outbox?: Outbox;
  /** False: this process only publishes into the outbox; other processes send it. Default `true`. */
  readonly relay?: boolean;
  /** Any pino logger. Default: ours, at the configured level. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Serves a broker name by something else: embedded brokers that a test holds, or another client. */
  readonly brokers?: Partial<Record<BrokerName, (parts: BrokerParts) => BrokerPort>>;
}

const token = <Service>(name: string): ServiceIdentifier<Service> => Symbol.for(`buscoupler.${name}`);

const TOKENS = {
  options: token<CreateBusOptions>('options'),
  clock: token<Clock>('clock'),
  random: token<Random>('random'),
  logger: token<Logger>('logger'),
  events: token<EventHub>('events'),
  ports: token<ReadonlyMap<BrokerName, BrokerPort>>('ports'),
  book: token<TicketBook>('book'),
  routes: token<Routes>('routes'),
  copies: token<BackgroundCopies>('copies'),
  outbox: token<{ readonly outbox: Outbox | null }>('outbox'),
  relay: token<{ readonly relay: OutboxRelay | null }>('relay'),
  consumers: token<Consumers>('consumers'),
  bus: token<RoutedBus>('bus'),
};

type Make<Service> = (context: ResolutionContext) => Service;

const makeLogger: Make<Logger> = ({ get }) => {
  const { config, logger } = get(TOKENS.options);
  if (logger !== undefined) return logger;
  return createLogger({
    level: config.logLevel,
    secrets: secretsOf(config),
    ...(config.logPretty === undefined ? {} : { pretty: config.logPretty }),
  });
};

const makeEvents: Make<EventHub> = ({ get }) => {
  const logger = get(TOKENS.logger);
  const hub = createEventHub((error, event) =>
    logger.error({ err: error, event }, `a listener of "${event}" threw: ${describeError(error)}`),
  );
  logEvents(hub.on, logger);
  return hub;
};

const makePorts: Make<ReadonlyMap<BrokerName, BrokerPort>> = ({ get }) => {
  const { config, brokers } = get(TOKENS.options);
  const parts: BrokerParts = {
    bounds: config.publish.bounds,
    clock: get(TOKENS.clock),
    random: get(TOKENS.random),
    logger: get(TOKENS.logger),
    emit: get(TOKENS.events).emit,
  };
  return new Map(
    config.enabled.map((name) => [name, brokers?.[name]?.(parts) ?? openPort(name, config, parts)]),
  );
};

const makeRoutes: Make<Routes> = ({ get }) => {
  const { config, topics = [] } = get(TOKENS.options);
  const { policy, primary } = config.publish;
  const defaults = { enabled: config.enabled, policy, ...(primary === undefined ? {} : { primary }) };
  return new Routes({
    topics,
    ports: get(TOKENS.ports),
    epochMs: get(TOKENS.clock).epochMs,
    plan: (topic) => planRoute(configureTopic(config, topic), defaults),
  });
};

function configureTopic({ topics }: BusConfig, topic: AnyTopic): AnyTopic {
  const changes = Object.hasOwn(topics, topic.name) ? topics[topic.name] : undefined;
  if (changes === undefined) return topic;
  const { kafka, rabbitmq, ...rest } = changes;
  return Object.freeze({
    ...topic,
    ...rest,
    kafka: { ...topic.kafka, ...kafka },
    rabbitmq: { ...topic.rabbitmq, ...rabbitmq },
  });
}

const makeCopies: Make<BackgroundCopies> = ({ get }) =>
  new BackgroundCopies({
    clock: get(TOKENS.clock),
    random: get(TOKENS.random),
    book: get(TOKENS.book),
    emit: get(TOKENS.events).emit,
  });

const makeOutbox: Make<{ readonly outbox: Outbox | null }> = ({ get }) => {
  const { outbox } = get(TOKENS.options);
  return { outbox: outbox === undefined ? null : answeringOutbox(outbox, get(TOKENS.clock)) };
};

const makeRelay: Make<{ readonly relay: OutboxRelay | null }> = ({ get }) => {
  const { config, relay = true } = get(TOKENS.options);
  const { outbox } = get(TOKENS.outbox);
  if (outbox === null || !relay) return { relay: null };
  const [routes, ports, clock, book] = [
    get(TOKENS.routes),
    get(TOKENS.ports),
    get(TOKENS.clock),
    get(TOKENS.book),
  ];
  const send = createOutboxSender({ routes, ports, clock, book });
  const { emit } = get(TOKENS.events);
  const random = get(TOKENS.random);
  return { relay: new Relay({ outbox, brokers: config.enabled, send, clock, random, emit }) };
};

const makeConsumers: Make<Consumers> = ({ get }) => {
  const { config, inbox = null, consumers: given = [], lateConsumers = false } = get(TOKENS.options);
  const parts = {
    config,
    inbox,
    routes: get(TOKENS.routes),
    ports: get(TOKENS.ports),
    book: get(TOKENS.book),
    clock: get(TOKENS.clock),
    random: get(TOKENS.random),
    logger: get(TOKENS.logger),
    emit: get(TOKENS.events).emit,
  };
  const consumers = new Consumers((definition, present) => openFeed(parts, definition, present));
  given.forEach(requireConsumer);
  // All that is wrong with flags is told together, before the first consumer is looked at by itself.
  resolveFlags(
    config,
    given.map(({ name }) => name),
    { unknown: lateConsumers ? 'ignore' : 'refuse' },
  );
  for (const definition of given) consumers.add(definition);
  return consumers;
};

const makeBus: Make<RoutedBus> = ({ get }) => {
  const { config, inbox = null } = get(TOKENS.options);
  const { outbox } = get(TOKENS.outbox);
  const { relay } = get(TOKENS.relay);
  const storeInOutbox = createOutboxPath(outbox, relay);
  const { timeoutMs } = config.publish;
  const [clock, book, copies] = [get(TOKENS.clock), get(TOKENS.book), get(TOKENS.copies)];
  const [ports, consumers, events] = [get(TOKENS.ports), get(TOKENS.consumers), get(TOKENS.events)];
  let stopWatching = (): void => undefined;
  return new RoutedBus({
    ports,
    routes: get(TOKENS.routes),
    publishAlong: logPublishes(
      createPublishPath({ clock, book, leftovers: copies, storeInOutbox, timeoutMs }),
      get(TOKENS.logger),
    ),
    consumers,
    inbox,
    outbox,
    relay,
    book,
    copies,
    events,
    clock,
    startTimeoutMs: config.start.timeoutMs,
    onStart: () => {
      const { emit } = events;
      stopWatching = followFile({ config, consumers, ports, clock, emit });
      const present = consumers.definitions().map(({ name }) => name);
      // Without late consumers such flags were refused.
      for (const what of [...config.warnings, ...warnOfUnknownFlags(config, present)])
        emit('warning', { what });
    },
    onClose: () => stopWatching(),
  });
};

function bind(options: CreateBusOptions): Container {
  const container = new Container({ defaultScope: 'Singleton' });
  container.bind(TOKENS.options).toConstantValue(options);
  container.bind(TOKENS.clock).toConstantValue(options.clock ?? systemClock);
  container.bind(TOKENS.random).toConstantValue(options.random ?? Math.random);
  container.bind(TOKENS.logger).toDynamicValue(makeLogger).inSingletonScope();
  container.bind(TOKENS.events).toDynamicValue(makeEvents).inSingletonScope();
  container.bind(TOKENS.ports).toDynamicValue(makePorts).inSingletonScope();
  container
    .bind(TOKENS.book)
    .toDynamicValue(({ get }) => new TicketBook(get(TOKENS.clock)))
    .inSingletonScope();
  container.bind(TOKENS.routes).toDynamicValue(makeRoutes).inSingletonScope();
  container.bind(TOKENS.copies).toDynamicValue(makeCopies).inSingletonScope();
  container.bind(TOKENS.outbox).toDynamicValue(makeOutbox).inSingletonScope();
  container.bind(TOKENS.relay).toDynamicValue(makeRelay).inSingletonScope();
  container.bind(TOKENS.consumers).toDynamicValue(makeConsumers).inSingletonScope();
  container.bind(TOKENS.bus).toDynamicValue(makeBus).inSingletonScope();
  return container;
}

/**
 * Builds a bus from configuration, topics and consumers, and checks all of it together; `bus.start()` connects. Rejects
 * with a `ConfigError` or BC_DEFINITION_INVALID that names the settings in question.
 */
export async function createBus(options: CreateBusOptions): Promise<MessageBus> {
  return bind(options).get(TOKENS.bus);
}

/** Parts of a bus that is built and checked, and never started. */
export interface Wiring {
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  readonly routes: Routes;
  readonly consumers: Consumers;
  readonly book: TicketBook;
  readonly clock: Clock;
}

/** The parts of a bus for those who work beside it. Throws what {@link createBus} rejects with. */
export function wire(options: CreateBusOptions): Wiring {
  const container = bind(options);
  return {
    ports: container.get(TOKENS.ports),
    routes: container.get(TOKENS.routes),
    consumers: container.get(TOKENS.consumers),
    book: container.get(TOKENS.book),
    clock: container.get(TOKENS.clock),
  };
}
