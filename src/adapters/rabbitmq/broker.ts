import type {
  BrokerHealth,
  BrokerPort,
  Destination,
  Leg,
  LegSpec,
  Publisher,
  ReadLetters,
  StoredLetter,
  Topology,
} from '../../contract/broker.js';
import type { Capabilities } from '../../contract/capabilities.js';
import type { Clock, Random } from '../../contract/clock.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { EmitEvent } from '../../contract/events.js';
import type { QueueInspection } from '../../contract/inspection.js';
import type { Logger } from '../../contract/logger.js';
import type { PublishBounds, RabbitmqSettings } from '../../contract/settings.js';
import type { Survey } from '../../contract/survey.js';
import { deadLetterQueueOf, queueOf } from '../../messages/names.js';
import { parseAddress } from './address.js';
import { inspectTopology } from './inspect.js';
import { RabbitmqLeg } from './leg.js';
import { readLetters } from './letters.js';
import { Link, type RabbitmqContext } from './link.js';
import { createManagement, type Management } from './management.js';
import { checkQueue, type PlaceAccess } from './places.js';
import { RabbitmqPublisher } from './publisher.js';
import { surveyConsumer } from './survey.js';
import { checkTopologyNames, provisionTopology } from './topology.js';

/** What RabbitMQ can do. */
export const RABBITMQ_CAPABILITIES: Capabilities = Object.freeze({
  ordering: 'queue',
  settlesSingly: true,
  hasTombstones: false,
  reportsUnroutable: true,
  hasTypedHeaders: true,
  limitsDeliveries: true,
  retains: false,
});

/** What {@link createRabbitmqBroker} needs. */
export interface RabbitmqBrokerOptions {
  readonly settings: RabbitmqSettings;
  readonly bounds: PublishBounds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly emit: EmitEvent;
  /** Base URL of the management API; may hold credentials. Absent: what needs it is left out. */
  readonly managementUrl?: string;
}

/** Share of `close`'s deadline that is kept for saying goodbye. */
const GOODBYE_SHARE = 0.2;

/** Longest wait for the management API, ms: without it the rest is looked at all the same. */
const MANAGEMENT_LIMIT_MS = 3_000;

/** RabbitMQ through amqplib: one connection that publishes, one that consumes once a leg is attached. */
export function createRabbitmqBroker(options: RabbitmqBrokerOptions): BrokerPort {
  return new RabbitmqBroker(options);
}

class RabbitmqBroker implements BrokerPort {
  readonly name = 'rabbitmq';
  readonly product = 'rabbitmq';
  readonly capabilities = RABBITMQ_CAPABILITIES;
  readonly #options: RabbitmqBrokerOptions;
  readonly #context: RabbitmqContext;
  readonly #publishing: Link;
  readonly #consuming: Link;
  readonly #publisher: RabbitmqPublisher;
  readonly #legs = new Set<RabbitmqLeg>();
  /** Connections of legs in whose queue a message kills whoever receives it. */
  readonly #isolated = new Map<RabbitmqLeg, Link>();
  /** Consumers whose places are being created again. */
  readonly #restoring = new Set<AnyConsumer>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | null = null;

  constructor(options: RabbitmqBrokerOptions) {
    this.#options = options;
    this.#context = options;
    this.#publishing = new Link('publisher', this.#context);
    this.#consuming = new Link('consumer', this.#context);
    this.#publisher = new RabbitmqPublisher({
      context: this.#context,
      bounds: options.bounds,
      otherConnection: () => this.#consuming.connection,
      missing: (consumer) => this.#restore(consumer),
    });
    this.#publishing.add(this.#publisher);
  }

  connect(signal: AbortSignal): Promise<void> {
    return this.#publishing.connect(signal);
  }

  async provision(topology: Topology): Promise<void> {
    checkTopologyNames(topology);
    await provisionTopology({ access: await this.#access(), emit: this.#options.emit }, topology);
  }

  /** A copy found no queue: somebody deleted it. Whoever publishes the copy tries again, and is told what is missing. */
  #restore(consumer: AnyConsumer): void {
    if (this.#restoring.has(consumer)) return;
    this.#restoring.add(consumer);
    this.provision({ topics: [], consumers: [consumer] })
      .catch(() => undefined)
      .finally(() => this.#restoring.delete(consumer));
  }

  publisher(destination: Destination): Publisher {
    return this.#publisher.publisher(destination);
  }

  async attach(spec: LegSpec): Promise<Leg> {
    await this.#consuming.connect(this.#closing.signal);
    const connection = this.#consuming.connection;
    if (connection === null) return this.attach(spec); // lost in this very moment
    const { logger } = this.#options;
    const leg = new RabbitmqLeg({
      context: this.#context,
      logger,
      spec,
      depth: () => this.depth(spec.consumer),
      left: () => this.#forget(leg),
      poisoned: () => this.#isolate(leg),
    });
    this.#consuming.add(leg);
    this.#legs.add(leg);
    try {
      await leg.start(connection);
    } catch (error) {
      await leg.detach({ deadlineMs: 0 });
      throw error;
    }
    return leg;
  }

  #forget(leg: RabbitmqLeg): void {
    this.#consuming.remove(leg);
    this.#legs.delete(leg);
    const own = this.#isolated.get(leg);
    this.#isolated.delete(leg);
    void own?.close(this.#options.settings.requestTimeoutMs);
  }

  /**
   * Gives a poisoned leg a connection of its own. The broker gives the message up only after twenty deaths; on a shared
   * connection each of them would count against what the other legs are handling.
   */
  #isolate(leg: RabbitmqLeg): void {
    if (this.#legs.size < 2 || this.#isolated.has(leg)) return;
    const own = new Link('consumer', this.#context);
    this.#isolated.set(leg, own);
    this.#consuming.remove(leg);
    own.add(leg);
    own.recover();
  }

  async depth(consumer: AnyConsumer): Promise<number | null> {
    try {
      return (await checkQueue(await this.#access(), queueOf(consumer))).messageCount;
    } catch {
      return null;
    }
  }

  async inspect(topology: Topology): Promise<QueueInspection> {
    const { settings, clock } = this.#options;
    const { username: user } = parseAddress(settings.urls[0] ?? '');
    const management = this.#management();
    return inspectTopology({ access: await this.#access(), management, user, clock }, topology);
  }

  async survey(consumer: AnyConsumer): Promise<Survey> {
    return surveyConsumer({ access: await this.#access(), management: this.#management() }, consumer);
  }

  /** `null`: its address is not configured. */
  #management(): Management | null {
    const { settings, managementUrl: url } = this.#options;
    const { vhost } = parseAddress(settings.urls[0] ?? '');
    const timeoutMs = Math.min(settings.requestTimeoutMs, MANAGEMENT_LIMIT_MS);
    return url === undefined ? null : createManagement({ url, vhost, timeoutMs });
  }

  letters(consumer: AnyConsumer, { signal }: ReadLetters = {}): AsyncIterable<StoredLetter> {
    const signals = signal === undefined ? [this.#closing.signal] : [this.#closing.signal, signal];
    return readLetters({
      context: this.#context,
      queue: deadLetterQueueOf(consumer),
      signal: AbortSignal.any(signals),
    });
  }

  /** A connection for questions: not the publishing one while an alarm blocks it, as it would not be answered. */
  async #access(): Promise<PlaceAccess> {
    const bounds = { clock: this.#options.clock, timeoutMs: this.#options.settings.requestTimeoutMs };
    let connection = this.#consuming.connection ?? this.#publishing.connection;
    if (connection?.isBlocked) {
      await this.#consuming.connect(this.#closing.signal);
      connection = this.#consuming.connection;
    }
    if (connection !== null) return { connection, bounds };
    throw (
      this.#publishing.lastError ??
      new BuscouplerError('BC_BROKER_UNAVAILABLE', 'There is no connection to RabbitMQ at the moment.')
    );
  }

  health(): BrokerHealth {
    const links = [this.#publishing, this.#consuming, ...this.#isolated.values()];
    const reason = links.find((link) => link.lastError !== null)?.lastError?.message;
    return {
      state: this.#state(),
      pendingPublishes: this.#publisher.pending,
      ...(reason !== undefined && { reason }),
    };
  }

  #state(): BrokerHealth['state'] {
    const { state } = this.#publishing;
    const consuming = [this.#consuming, ...this.#isolated.values()];
    if (state !== 'up')
      return state === 'down' && consuming.some((link) => link.state === 'up') ? 'degraded' : state;
    return consuming.some((link) => link.isHurt) || this.#publisher.isBlocked ? 'degraded' : 'up';
  }

  close({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#closed ??= this.#close(deadlineMs);
    return this.#closed;
  }

  async #close(deadlineMs: number): Promise<void> {
    const endMs = this.#options.clock.monotonicMs() + deadlineMs;
    const leftMs = (): number => Math.max(0, endMs - this.#options.clock.monotonicMs());
    this.#closing.abort();
    const workMs = deadlineMs * (1 - GOODBYE_SHARE);
    await Promise.all([
      ...[...this.#legs].map((leg) => leg.detach({ deadlineMs: workMs })),
      this.#publisher.close(this.#publishing.state === 'idle' ? 0 : workMs),
    ]);
    await Promise.all([this.#publishing.close(leftMs()), this.#consuming.close(leftMs())]);
  }
}
