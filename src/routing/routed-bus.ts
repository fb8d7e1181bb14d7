import type { BrokerPort, Topology } from '../contract/broker.js';
import type { Clock } from '../contract/clock.js';
import type { AnyConsumer } from '../contract/consumer.js';
import type { ConsumerSet } from '../contract/consumer-set.js';
import { wantsTransaction } from '../contract/define-consumer.js';
import { BuscouplerError, describeError } from '../contract/errors.js';
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
import type { Outbox, OutboxRelay } from '../contract/outbox.js';
import type { AnyTopic, TopicDefinition } from '../contract/topic.js';
import { wait } from '../delivery/backoff.js';
import type { EventHub } from '../delivery/event-hub.js';
import type { TicketBook } from '../delivery/publish-ticket.js';
import type { BackgroundCopies } from './background-copies.js';
import { BUS_TRANSITIONS, lifecycleError } from './bus-states.js';
import { type ConnectingOptions, missingBrokers, openBrokers, openLater } from './connecting.js';
import { healthOf } from './health.js';
import { asPublishError, type PublishAlong } from './publish-path.js';
import type { Route, RoutePlan } from './route.js';
import type { Routes } from './routes.js';

const CLOSE_DEADLINE_MS = 10_000;

/** How long over its deadline a part may take to end by itself, ms. */
const CLOSE_GRACE_MS = 3_000;

/** Longest wait for handlers that run already when a start fails, ms. */
const FAILED_START_STOP_MS = 10_000;

/** What the bus is made of. */
export interface RoutedBusOptions {
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  readonly routes: Routes;
  readonly publishAlong: PublishAlong;
  readonly consumers: ConsumerSet;
  readonly inbox: Inbox | null;
  readonly outbox: Outbox | null;
  /** Absent in a process that only publishes into the outbox. */
  readonly relay: OutboxRelay | null;
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
    this.#starting ??= this.#start(options.consume ?? true).catch(async (error: unknown) => {
      await this.#afterFailedStart();
      throw error;
    });
    return this.#starting;
  }

  publish<Input>(
    topic: TopicDefinition<Input, unknown> | string,
    data: Input,
    options?: PublishOptions,
  ): Promise<Receipt> {
    if (this.#state !== 'started' && !this.#isDraining)
      return Promise.reject(lifecycleError('publish()', this.#state));
    let route: Route;
    try {
      route = this.#options.routes.of(topic);
    } catch (error) {
      return Promise.reject(asPublishError(error));
    }
    return this.#options.publishAlong(route, data, options);
  }

  /** True while `close` waits for handlers: what they publish, to a new topic too, is a part of what they finish. */
  get #isDraining(): boolean {
    return this.#state === 'closing' && this.#options.consumers.inFlight > 0;
  }

  async publishMany<Input>(
    topic: TopicDefinition<Input, unknown> | string,
    messages: readonly BatchMessage<Input>[],
  ): Promise<BatchOutcome[]> {
    if (!Array.isArray(messages))
      throw new BuscouplerError('BC_MESSAGE_INVALID', 'publishMany() takes a list of messages.');
    return Promise.all(
      messages.map((message: BatchMessage<Input>) =>
        this.publish(topic as string, message?.data, message).then(
          (receipt): BatchOutcome => ({ status: 'published', receipt }),
          (error: BuscouplerError): BatchOutcome => ({ status: 'rejected', error }),
        ),
      ),
    );
  }

  async addTopic(definition: AnyTopic): Promise<void> {
    if (!this.#isDraining) await this.#untilSettled('addTopic()');
    const { topic } = this.#options.routes.planOf(definition);
    if (this.#state === 'started' || this.#isDraining) await this.#provision(topic, []);
  }

  async addConsumer(definition: AnyConsumer): Promise<void> {
    await this.#untilSettled('addConsumer()');
    const { consumers, routes } = this.#options;
    const added = consumers.add(definition);
    try {
      routes.of(added.topic);
      if (this.#state === 'started') await this.#setUp(added);
    } catch (error) {
      await consumers.remove(added.name);
      throw error;
    }
  }

  /** A start that is under way ends first, well or not. */
  async #untilSettled(call: string): Promise<void> {
    if (this.#closing.signal.aborted) throw lifecycleError(call, this.#state);
    await this.#starting?.catch(() => undefined); // start() tells its caller
    if (this.#closing.signal.aborted) throw lifecycleError(call, this.#state);
  }

  /** On the brokers that are up; another one makes its places when it joins. */
  async #provision(topic: AnyTopic, consumers: readonly AnyConsumer[]): Promise<void> {
    const { routes, ports } = this.#options;
    for (const name of routes.planOf(topic).brokers) {
      if (this.#up.has(name)) await ports.get(name)?.provision({ topics: [topic], consumers });
    }
  }

  async #setUp(added: AnyConsumer): Promise<void> {
    const { consumers } = this.#options;
    await this.#prepareTransactions(added);
    await this.#provision(added.topic, [added]);
    if (this.#consumes) await consumers.start(added.name, (broker) => this.#up.has(broker));
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
    const { consumers, clock, ports, events, onStart } = this.#options;
    await this.#startStores();
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
    this.#enter('started'); // before the consumers: a handler may publish
    if (consume) await consumers.startAll((broker) => this.#up.has(broker));
    if (this.#closing.signal.aborted) throw lifecycleError('close()', this.#state);
    for (const [broker, error] of away) this.#startWithout(broker, error, connecting);
    this.#options.relay?.start();
    onStart();
  }

  async #startStores(): Promise<void> {
    const { inbox, outbox, consumers } = this.#options;
    await startStore(inbox, 'inbox', 'BC_INBOX_UNAVAILABLE');
    for (const consumer of consumers.definitions()) await this.#prepareTransactions(consumer);
    await startStore(outbox, 'outbox', 'BC_OUTBOX_UNAVAILABLE');
  }

  async #prepareTransactions(consumer: AnyConsumer): Promise<void> {
    if (wantsTransaction(consumer))
      await this.#options.inbox?.transactions?.prepare(consumer.name, consumer.timeoutMs);
  }

  /** What runs already stops, so that start() can be tried again. */
  async #afterFailedStart(): Promise<void> {
    if (this.#state === 'started')
      await this.#options.consumers.stopAll({ deadlineMs: FAILED_START_STOP_MS });
    this.#starting = null;
    if (this.#state === 'starting' || this.#state === 'started') this.#enter('new');
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
    const { consumers, book, copies, ports, inbox, outbox, relay, clock, onClose } = this.#options;
    const endMs = clock.monotonicMs() + deadlineMs;
    const leftMs = (): number => Math.max(0, endMs - clock.monotonicMs());
    // A start that waits for brokers ends by the abort; one that waits for consumers ends as they are stopped.
    if (this.#state === 'starting') await this.#within(leftMs(), this.#starting);
    this.#enter('closing');
    onClose();
    const deliveries = await this.#within(leftMs(), consumers.stopAll({ deadlineMs: leftMs() }));
    // Behind the handlers: what they publish with a session is stored by now, and waits there for the next relay.
    await this.#within(leftMs(), relay?.stop({ deadlineMs: leftMs() }));
    copies.close();
    await book.untilEmpty(leftMs());
    const publishes = book.abandonAll('BC_LIFECYCLE', 'The bus was closed before the broker answered.');
    const closings = [...ports.values()].map((port) => port.close({ deadlineMs: leftMs() }));
    await Promise.all(
      [...closings, inbox?.close(), outbox?.close()].map((one) => this.#within(leftMs(), one)),
    );
    this.#enter('closed');
    return { publishes, deliveries: deliveries ?? 0 };
  }

  /** The result, or `undefined` when it failed or took longer than it may: closing goes on in any case. */
  async #within<Result>(timeoutMs: number, work: Result | Promise<Result>): Promise<Result | undefined> {
    const { clock, events } = this.#options;
    const over = new AbortController();
    try {
      return await Promise.race([
        work,
        wait(clock, timeoutMs + CLOSE_GRACE_MS, over.signal).then(() => undefined),
      ]);
    } catch (error) {
      if (work !== this.#starting)
        events.emit('warning', { what: `Closing went on after a failure: ${describeError(error)}` });
      return undefined;
    } finally {
      over.abort();
    }
  }
}

async function startStore(
  store: Inbox | Outbox | null,
  name: string,
  code: 'BC_INBOX_UNAVAILABLE' | 'BC_OUTBOX_UNAVAILABLE',
): Promise<void> {
  try {
    await store?.start();
  } catch (error) {
    if (error instanceof BuscouplerError) throw error;
    throw new BuscouplerError(code, `The ${name} cannot start (${describeError(error)}).`, { cause: error });
  }
}
