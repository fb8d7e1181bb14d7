import {
  type BusConfig,
  BuscouplerError,
  ConfigError,
  type ConsumerDefinition,
  type CreateBusOptions,
  createBus,
  type Logger,
  loadConfig,
  type MessageBus,
  memoryInbox,
} from '../index.js';
import { logOff, logVerified, logWithoutBroker, openLog, type Product } from './client-log.js';
import type { Registrations } from './registrations.js';

/** Options of `initializeKafka()` and `initializeRabbitMQ()`. Both clients share one bus, so the first call gives them. */
export interface InitializeOptions
  extends Pick<CreateBusOptions, 'inbox' | 'logger' | 'clock' | 'random' | 'brokers'> {
  /** Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Path of the configuration file; `false`: none. Default: `buscoupler.config.{js,mjs,json}`, if there is one. */
  readonly file?: string | false;
}

/** What could not be finished before the deadline of `close()`. */
export type CloseReport = Awaited<ReturnType<MessageBus['close']>>;

/** The started bus, or why there is none: no broker is on. */
interface Opened {
  readonly logger: Logger;
  readonly bus: MessageBus | ConfigError;
}

const BROKER_FLAGS = 'KAFKA_ENABLED, RABBITMQ_ENABLED';

/** True if no broker is on and nothing else is wrong: the guide's server runs without one. */
const isWithoutBroker = (error: unknown): error is ConfigError =>
  error instanceof ConfigError && error.problems.length === 1 && error.problems[0]?.setting === BROKER_FLAGS;

const lifecycle = (what: string): BuscouplerError => new BuscouplerError('BC_LIFECYCLE', what);

/** The one bus below both clients: made by the first `initialize`, gone for good after `close`. */
export class ClientBus {
  readonly #registrations: Registrations;
  /** Consumers that the bus was made with. */
  readonly #given = new Set<ConsumerDefinition>();
  #opening: Promise<Opened> | null = null;
  #bus: MessageBus | null = null;
  #isClosed = false;

  constructor(registrations: Registrations) {
    this.#registrations = registrations;
  }

  async initialize(product: Product, options?: InitializeOptions): Promise<void> {
    if (this.#isClosed) throw lifecycle(`initialize${product}() was called after close().`);
    if (this.#opening !== null && options !== undefined) {
      throw lifecycle(`initialize${product}() got options, but the clients are initialised already.`);
    }
    this.#opening ??= this.#open(options ?? {}).catch((error: unknown) => {
      this.#opening = null; // it can be tried again
      throw error;
    });
    const { bus, logger } = await this.#opening;
    if (!(bus instanceof ConfigError)) logOff(logger, product, bus.health().brokers);
  }

  /** What `initialize` opened; it is waited for. Rejects for `what` if it was never called, or if no broker is on. */
  async opened(what: string): Promise<{ readonly bus: MessageBus; readonly logger: Logger }> {
    if (this.#opening === null) {
      throw lifecycle(
        `${what} came ${this.#isClosed ? 'after close()' : 'before initializeKafka() or initializeRabbitMQ()'}.`,
      );
    }
    const { bus, logger } = await this.#opening;
    if (!(bus instanceof ConfigError)) return { bus, logger };
    const [problem] = bus.problems;
    const why = `${problem?.setting}: was ${problem?.was}; allowed: ${problem?.allowed}`;
    throw new BuscouplerError('BC_CONFIG_INVALID', `${what} has no broker to go to. ${why}.`, { cause: bus });
  }

  /** Starts a consumer that was registered; before `initialize` it waits for it. */
  async start(consumer: ConsumerDefinition): Promise<void> {
    if (this.#isClosed) throw lifecycle(`The consumer "${consumer.name}" came after close().`);
    const opened = await this.#opening?.catch(() => null); // initialize() tells its caller
    if (opened == null || opened.bus instanceof ConfigError || this.#given.has(consumer)) return;
    await opened.bus.addConsumer(consumer);
  }

  async close(options?: { readonly deadlineMs?: number }): Promise<CloseReport> {
    this.#isClosed = true;
    if (this.#bus === null) await this.#opening?.catch(() => null);
    return (await this.#bus?.close(options)) ?? { publishes: 0, deliveries: 0 };
  }

  async #open({ env, file, ...parts }: InitializeOptions): Promise<Opened> {
    const load = (overrides: object): Promise<BusConfig> =>
      loadConfig(env, { overrides, ...(file === undefined ? {} : { file }) });
    const config = await load({}).catch((error: unknown) => {
      if (isWithoutBroker(error)) return error;
      throw error;
    });
    // Embedded brokers, which nobody starts, make the rest of the settings readable.
    const settings = config instanceof ConfigError ? await load({ embedded: true }) : config;
    const logger = parts.logger ?? openLog(settings);
    if (config instanceof ConfigError) {
      logWithoutBroker(logger, config);
      return { logger, bus: config };
    }
    const bus = await this.#startBus(config, parts);
    logVerified(logger, bus.health().brokers);
    return { logger, bus };
  }

  /** A start that failed leaves nothing open. */
  async #startBus(config: BusConfig, parts: Partial<CreateBusOptions>): Promise<MessageBus> {
    const consumers = this.#registrations.consumers();
    const bus = await createBus({ inbox: memoryInbox(), ...parts, config, consumers, lateConsumers: true });
    if (this.#isClosed) throw lifecycle('close() was called while the clients were initialised.');
    this.#bus = bus;
    for (const consumer of consumers) this.#given.add(consumer);
    try {
      await bus.start();
      return bus;
    } catch (error) {
      this.#bus = null;
      await bus.close({ deadlineMs: 0 });
      throw error;
    }
  }
}
