import type { BrokerPort, Topology } from '../contract/broker.js';
import type { Clock } from '../contract/clock.js';
import type { AnyConsumer } from '../contract/consumer.js';
import type { ConsumerSet } from '../contract/consumer-set.js';
import { BuscouplerError } from '../contract/errors.js';
import type { Inbox } from '../contract/inbox.js';
import type { BrokerName } from '../contract/message.js';
import type {
  BatchMessage,
  BatchOutcome,
  BusState,
  CloseReport,
  ConsumerControl,
  Health,
  MessageBus,
  PublishOptions,
  Receipt,
} from '../contract/message-bus.js';
import type { TopicDefinition } from '../contract/topic.js';
import type { EventHub } from '../delivery/event-hub.js';
import type { TicketBook } from '../delivery/publish-ticket.js';
import type { BackgroundCopies } from './background-copies.js';
import { BUS_TRANSITIONS, lifecycleError } from './bus-states.js';
import { type ConnectingOptions, missingBrokers, openBrokers, openLater } from './connecting.js';
import { healthOf } from './health.js';
import type { PublishAlong } from './publish-path.js';
import type { Route, RoutePlan } from './route.js';
import type { Routes } from './routes.js';

const CLOSE_DEADLINE_MS = 10_000;

/** What the bus is made of. */
export interface RoutedBusOptions {
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  readonly routes: Routes;
  readonly publishAlong: PublishAlong;
  readonly consumers: ConsumerSet;
  readonly inbox: Inbox | null;
  readonly book: TicketBook;
  readonly copies: BackgroundCopies;
  readonly events: EventHub;
  readonly clock: Clock;
  readonly startTimeoutMs: number;
  /** Called once when the bus starts and when it closes (watching the flags' file). */
  readonly onStart: () => void;
  readonly onClose: () => void;
}

/** The bus: routes publishes, starts and stops brokers and consumers. See {@link MessageBus}. */
export class RoutedBus implements MessageBus {
  readonly #options: RoutedBusOptions;
  readonly #closing = new AbortController();
  readonly #connected = new Set<BrokerName>();
  /** Connected, and every place is there. */
  readonly #up = new Set<BrokerName>();
  readonly on: MessageBus['on'];
  #state: BusState = 'new';
  #consumes = true;
  #starting: Promise<void> | null = null;
  #closed: Promise<CloseReport> | null = null;

  constructor(options: RoutedBusOptions) {
    this.#options = options;
    this.on = options.events.on;
  }

  start(options: { readonly consume?: boolean } = {}): Promise<void> {
    if (this.#state === 'closing' || this.#state === 'closed')
      return Promise.reject(lifecycleError('start()', this.#state));
    this.#starting ??= this.#start(options.consume ?? true).catch((error: unknown) => {
      this.#starting = null;
      if (this.#state === 'starting') this.#enter('new');
      throw error;
    });
    return this.#starting;
  }

  publish<Input>(
    topic: TopicDefinition<Input, unknown> | string,
    data: Input,
    options?: PublishOptions,
  ): Promise<Receipt> {
    if (this.#state !== 'started') return Promise.reject(lifecycleError('publish()', this.#state));
    let route: Route;
    try {
      route = this.#options.routes.of(topic);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#options.publishAlong(route, data, options);
  }

  publishMany<Input>(
    topic: TopicDefinition<Input, unknown> | string,
    messages: readonly BatchMessage<Input>[],
  ): Promise<BatchOutcome[]> {
    return Promise.all(
      messages.map((message) =>
        this.publish(topic as string, message?.data, message).then(
          (receipt): BatchOutcome => ({ status: 'published', receipt }),
          (error: BuscouplerError): BatchOutcome => ({ status: 'rejected', error }),
        ),
      ),
    );
  }

  async addConsumer(definition: AnyConsumer): Promise<void> {
    if (this.#closing.signal.aborted) throw lifecycleError('addConsumer()', this.#state);
    await this.#starting;
    const { consumers, routes, ports } = this.#options;
    const added = consumers.add(definition);
    routes.of(added.topic);
    if (this.#state !== 'started') return;
    const topology: Topology = { topics: [added.topic], consumers: [added] };
    for (const name of routes.planOf(added.topic).brokers) {
      if (this.#up.has(name)) await ports.get(name)?.provision(topology);
    }
    if (this.#consumes) await consumers.get(added.name).start();
  }

  consumer(name: string): ConsumerControl {
    return this.#options.consumers.get(name);
  }

  health(): Health {
    return healthOf({ ...this.#options, state: this.#state });
  }

  close(options: { readonly deadlineMs?: number } = {}): Promise<CloseReport> {
    this.#closed ??= this.#close(options.deadlineMs ?? CLOSE_DEADLINE_MS);
    return this.#closed;
  }

  #enter(state: BusState): void {
    if (!BUS_TRANSITIONS[this.#state].includes(state))
      throw lifecycleError(`the change to ${state}`, this.#state);
    this.#state = state;
  }

  async #start(consume: boolean): Promise<void> {
    this.#enter('starting');
    this.#consumes = consume;
    const { inbox, consumers, clock, ports, events } = this.#options;
    await inbox?.start();
    const connecting: ConnectingOptions = {
      ports,
      open: (port, signal) => this.#openBroker(port, signal),
      clock,
      emit: events.emit,
      timeoutMs: this.#options.startTimeoutMs,
      closing: this.#closing.signal,
    };
    const away = await openBrokers(connecting);
    this.#refuseWithout(away);
    this.#enter('started');
    for (const [broker, error] of away) this.#startWithout(broker, error, connecting);
    if (consume) await consumers.startAll((broker) => this.#up.has(broker));
    this.#options.onStart();
  }

  async #openBroker(port: BrokerPort, signal: AbortSignal): Promise<void> {
    if (!this.#connected.has(port.name)) await port.connect(signal);
    this.#connected.add(port.name);
    await port.provision(this.#topologyOf(port.name));
    this.#up.add(port.name);
  }

  #topologyOf(broker: BrokerName): Topology {
    const { consumers, routes } = this.#options;
    const isHere = ({ brokers }: RoutePlan): boolean => brokers.includes(broker);
    const plans = routes.plans().filter((plan) => isHere(plan) && plan.topic.isDefined);
    return {
      topics: plans.map(({ topic }) => topic),
      consumers: consumers.definitions().filter(({ topic }) => isHere(routes.planOf(topic))),
    };
  }

  #refuseWithout(away: ReadonlyMap<BrokerName, BuscouplerError>): void {
    if (this.#closing.signal.aborted) throw lifecycleError('close()', this.#state);
    const missing = missingBrokers(this.#options.routes.plans(), (broker) => this.#up.has(broker));
    for (const broker of missing) {
      const cause = away.get(broker);
      if (cause === undefined) continue;
      if (!cause.retriable) throw cause;
      const what = `${broker} did not come up within ${this.#options.startTimeoutMs} ms (${cause.message})`;
      throw new BuscouplerError('BC_BROKER_UNAVAILABLE', `The bus cannot start: ${what}.`, { cause });
    }
  }

  #startWithout(broker: BrokerName, error: BuscouplerError, connecting: ConnectingOptions): void {
    const { events, ports, consumers } = this.#options;
    events.emit('broker-degraded', { broker, error });
    const port = ports.get(broker);
    if (port === undefined) return;
    void openLater(port, connecting, () => {
      if (this.#consumes) consumers.brokerCameUp(broker);
    });
  }

  async #close(deadlineMs: number): Promise<CloseReport> {
    this.#closing.abort();
    await this.#starting?.catch(() => undefined);
    this.#enter('closing');
    this.#options.onClose();
    const { consumers, book, copies, ports, inbox, clock } = this.#options;
    const endMs = clock.monotonicMs() + deadlineMs;
    const leftMs = (): number => Math.max(0, endMs - clock.monotonicMs());
    const deliveries = await consumers.stopAll({ deadlineMs: leftMs() });
    copies.close();
    await book.untilEmpty(leftMs());
    const publishes = book.abandonAll('BC_LIFECYCLE', 'The bus was closed before the broker answered.');
    await Promise.all([...ports.values()].map((port) => port.close({ deadlineMs: leftMs() })));
    await inbox?.close();
    this.#enter('closed');
    return { publishes, deliveries };
  }
}
