import type {
  BrokerHealth,
  BrokerPort,
  LegSpec,
  Publisher,
  ReadLetters,
  SkippedBatch,
  StoredLetter,
  Topology,
} from '../../contract/broker.js';
import type { Capabilities } from '../../contract/capabilities.js';
import type { Clock, Random } from '../../contract/clock.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { EmitEvent } from '../../contract/events.js';
import type { LogInspection } from '../../contract/inspection.js';
import type { LogPosition } from '../../contract/log-position.js';
import type { Logger } from '../../contract/logger.js';
import type { OutgoingMessage } from '../../contract/message.js';
import type { KafkaSettings, PublishBounds } from '../../contract/settings.js';
import type { Survey } from '../../contract/survey.js';
import { backoffDelayMs, wait } from '../../delivery/backoff.js';
import { kafkaTopicOf, retryTopicsOf, topicOfDestination } from '../../messages/names.js';
import { boundInspector } from './bound-inspector.js';
import { ConnectionState } from './connection-state.js';
import type { AdminClient, KafkaDriver, ProducerClient } from './driver.js';
import { isFatalOnConnect, toKafkaError } from './errors.js';
import { Group } from './group.js';
import { depthOf } from './group-depth.js';
import { inspectTopology } from './inspect.js';
import { createKafkajsDriver } from './kafkajs-driver.js';
import type { KafkaLeg } from './leg.js';
import { readLetters } from './letters.js';
import { type PoisonSource, storePoisonLetter } from './poison-letter.js';
import { toSkipped } from './poisoned-partitions.js';
import { createPublisher, DEFAULT_MAX_MESSAGE_BYTES } from './publisher.js';
import { Sender } from './sender.js';
import { findWhileStopped, type SkipContext, skipWhileStopped } from './skip-stopped.js';
import { surveyConsumer } from './survey.js';
import { provisionTopology, readLimit } from './topology.js';

const CAPABILITIES: Capabilities = {
  ordering: 'partition',
  settlesSingly: false,
  hasTombstones: true,
  reportsUnroutable: false,
  hasTypedHeaders: false,
  limitsDeliveries: false,
  retains: true,
};

const CONNECT_BACKOFF = { initialMs: 200, factor: 2, maxMs: 5_000, jitter: 0.2 } as const;

/** How long providing waits for coordinators and leaders that are being chosen, ms; a first group takes some seconds. */
const PROVISION_LIMIT_MS = 30_000;

/** What a Kafka broker is made of. */
export interface KafkaBrokerOptions {
  readonly settings: KafkaSettings;
  readonly bounds: PublishBounds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly emit: EmitEvent;
  /** Makes the dead letter of a batch that is stepped over. Absent: its bytes are not stored. */
  readonly poisonLetterOf?: (source: PoisonSource) => OutgoingMessage;
}

class KafkaBroker implements BrokerPort {
  readonly name = 'kafka';
  readonly product = 'kafka';
  readonly capabilities = CAPABILITIES;
  readonly #options: KafkaBrokerOptions;
  readonly #driver: KafkaDriver;
  readonly #client: ProducerClient;
  readonly #admin: AdminClient;
  readonly #sender: Sender;
  readonly #state: ConnectionState;
  readonly #limits = new Map<string, number>();
  readonly #groups = new Map<string, Group>();
  #isAdminTold = false;
  #closing: Promise<void> | null = null;

  constructor(options: KafkaBrokerOptions, driver: KafkaDriver) {
    const { bounds, clock, random, emit } = options;
    this.#options = options;
    this.#driver = driver;
    this.#client = driver.producer();
    this.#admin = driver.admin();
    this.#state = new ConnectionState(clock, emit);
    const maxBatchBytes = (topic: string): number => this.#limits.get(topic) ?? DEFAULT_MAX_MESSAGE_BYTES;
    const shared = { clock, random, state: this.#state };
    this.#sender = new Sender({ client: this.#client, bounds, maxBatchBytes, ...shared });
  }

  readonly #bury: SkipContext['bury'] = (consumer, stuck) => {
    const { clock, poisonLetterOf: letterOf } = this.#options;
    const publisherOf = (one: AnyConsumer): Publisher =>
      this.publisher({ kind: 'dead-letter', consumer: one });
    const making = { clock, publisherOf, ...(letterOf === undefined ? {} : { letterOf }) };
    return storePoisonLetter(making, consumer, stuck);
  };

  async connect(signal: AbortSignal): Promise<void> {
    const { settings, clock, random, emit } = this.#options;
    const address = settings.brokers.join(',');
    this.#state.connecting();
    emit('broker-connecting', { broker: 'kafka', address });
    for (let retry = 1; ; retry += 1) {
      this.#checkOpen();
      try {
        await this.#client.connect();
        this.#state.up();
        emit('broker-connected', { broker: 'kafka', role: 'publisher' });
        return;
      } catch (thrown) {
        const error = toKafkaError(thrown, `Kafka at ${address} cannot be reached`);
        this.#state.down(error);
        if (isFatalOnConnect(error) || error.code === 'BC_UNDECODABLE' || signal.aborted) throw error;
        await wait(clock, backoffDelayMs(CONNECT_BACKOFF, retry, random), signal);
        if (signal.aborted) throw error;
      }
    }
  }

  async provision(topology: Topology): Promise<void> {
    this.#checkOpen();
    const { clock, random, emit } = this.#options;
    const shared = { admin: this.#admin, limits: this.#limits, limitMs: PROVISION_LIMIT_MS };
    const context = { ...shared, clock, random, emit };
    await provisionTopology(context, topology);
    this.#tellAdmin(topology);
  }

  /** The administration connects when there is something to look at or to create. */
  #tellAdmin({ topics, consumers }: Topology): void {
    if (this.#isAdminTold || topics.length + consumers.length === 0) return;
    this.#isAdminTold = true;
    this.#options.emit('broker-connected', { broker: 'kafka', role: 'admin' });
  }

  publisher(destination: Parameters<BrokerPort['publisher']>[0]): Publisher {
    const topic = topicOfDestination(destination);
    if (!this.#limits.has(topic)) void this.#learnLimit(topic);
    return createPublisher(topic, this.#sender, this.#limits);
  }

  async #learnLimit(topic: string): Promise<void> {
    const limit = await readLimit(this.#admin, topic);
    if (limit !== null) this.#limits.set(topic, limit);
  }

  async attach(spec: LegSpec): Promise<KafkaLeg> {
    this.#checkOpen();
    return this.#groupOf(spec.consumer).attach(spec);
  }

  #groupOf({ group: name }: AnyConsumer): Group {
    let group = this.#groups.get(name);
    if (group === undefined) {
      const { clock, random, logger, emit, settings } = this.#options;
      const { sessionTimeoutMs } = settings;
      const shared = { driver: this.#driver, admin: this.#admin, bury: this.#bury };
      group = new Group(name, { ...shared, clock, random, logger, emit, sessionTimeoutMs });
      this.#groups.set(name, group);
    }
    return group;
  }

  skip(consumer: AnyConsumer, position: LogPosition): Promise<SkippedBatch | null> {
    this.#checkOpen();
    const group = this.#groups.get(consumer.group);
    if (group !== undefined && !group.isEmpty) return group.skip(consumer, position);
    return skipWhileStopped({ admin: this.#admin, bury: this.#bury }, consumer, position);
  }

  async findStuck(consumer: AnyConsumer, position: LogPosition): Promise<SkippedBatch | null> {
    this.#checkOpen();
    const stuck = await findWhileStopped(this.#admin, consumer, position);
    return stuck === null ? null : toSkipped(stuck, false);
  }

  async depth(consumer: AnyConsumer): Promise<number | null> {
    try {
      const topics = [kafkaTopicOf(consumer.topic), ...retryTopicsOf(consumer)];
      const depths = await Promise.all(topics.map((topic) => depthOf(this.#admin, consumer.group, topic)));
      return depths.reduce((sum, depth) => sum + depth, 0);
    } catch {
      return null;
    }
  }

  letters(consumer: AnyConsumer, options?: ReadLetters): AsyncIterable<StoredLetter> {
    this.#checkOpen();
    const { clock, random } = this.#options;
    return readLetters({ admin: this.#admin, clock, random, limitMs: PROVISION_LIMIT_MS }, consumer, options);
  }

  async inspect(topology: Topology): Promise<LogInspection> {
    this.#checkOpen();
    const { clock, settings } = this.#options;
    const client = boundInspector(this.#driver.inspector(), clock);
    try {
      return await inspectTopology({ client, sessionTimeoutMs: settings.sessionTimeoutMs }, topology);
    } finally {
      client.close();
    }
  }

  async survey(consumer: AnyConsumer): Promise<Survey> {
    this.#checkOpen();
    try {
      return await surveyConsumer(this.#admin, consumer);
    } catch (thrown) {
      throw toKafkaError(thrown, `Kafka did not tell of the consumer "${consumer.name}"`);
    }
  }

  health(): BrokerHealth {
    const { state, reason } = this.#state;
    return {
      state,
      pendingPublishes: this.#sender.pending,
      ...(reason === undefined ? {} : { reason }),
    };
  }

  close({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const left = [...this.#groups.values()].map((group) => group.close(deadlineMs));
    await Promise.all([this.#sender.close(deadlineMs), ...left]);
    this.#state.closed();
    this.#client.close();
    this.#admin.close();
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw new BuscouplerError('BC_LIFECYCLE', 'The Kafka connection is closed.');
  }
}

/** Kafka as a broker, over kafkajs. `driver` serves it by another client. */
export function createKafkaBroker(
  options: KafkaBrokerOptions,
  driver: KafkaDriver = createKafkajsDriver(options),
): BrokerPort {
  return new KafkaBroker(options, driver);
}
