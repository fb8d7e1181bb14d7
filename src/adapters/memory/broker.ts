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
import type { BusEvents, EmitEvent } from '../../contract/events.js';
import type { EmbeddedInspection } from '../../contract/inspection.js';
import type { Logger } from '../../contract/logger.js';
import type { BrokerName } from '../../contract/message.js';
import type { PublishBounds } from '../../contract/settings.js';
import type { Survey } from '../../contract/survey.js';
import { Connection } from './connection.js';
import type { Faults } from './faults.js';
import type { Gate } from './gate.js';
import { closedError, EmbeddedLeg, type Feed } from './leg.js';
import type { LetterReading } from './letter-reading.js';
import { PublishQueue } from './publisher.js';
import type { Route } from './route.js';
import type { Turns } from './turns.js';

/** What every embedded broker takes; the same parts as those of the real ones. */
export interface EmbeddedBrokerOptions {
  readonly bounds: PublishBounds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly emit: EmitEvent;
  /** Names this client to the store's faults. Default `client`. */
  readonly clientId?: string;
}

/** A place that was made, to be told of. */
export type PlaceCreated = Omit<BusEvents['place-created'], 'broker'>;

/** What the two embedded brokers differ in. */
export interface Engine {
  readonly product: 'log' | 'queue';
  readonly capabilities: Capabilities;
  readonly gate: Gate;
  readonly faults: Faults;
  readonly turns: Turns;
  provision(topology: Topology, created: (place: PlaceCreated) => void): void;
  route(destination: Destination): Route;
  feed(spec: LegSpec): Feed;
  /** As {@link BrokerPort.depth}. */
  depth(consumer: AnyConsumer): number | null;
  survey(consumer: AnyConsumer): Survey;
  /** Throws BC_PLACE_MISSING. */
  readLetters(consumer: AnyConsumer): LetterReading;
}

/** How long after a failed try a leg joins again, ms. */
const REJOIN_MS = 1_000;

/** A client of an embedded broker: one connection, its publishes and its legs. */
export class EmbeddedBroker implements BrokerPort {
  readonly name: BrokerName;
  readonly product: 'log' | 'queue';
  readonly capabilities: Capabilities;
  readonly #engine: Engine;
  readonly #options: EmbeddedBrokerOptions;
  readonly #connection: Connection;
  readonly #publishes: PublishQueue;
  readonly #legs = new Set<EmbeddedLeg>();
  readonly #readings = new Set<LetterReading>();
  /** Attaches that wait for the connection. */
  readonly #starting = new Map<EmbeddedLeg, (error: BuscouplerError | null) => void>();
  #closing: Promise<void> | null = null;

  constructor(name: BrokerName, engine: Engine, options: EmbeddedBrokerOptions) {
    this.name = name;
    this.product = engine.product;
    this.capabilities = engine.capabilities;
    this.#engine = engine;
    this.#options = options;
    this.#connection = this.#createConnection();
    this.#publishes = new PublishQueue({ ...engine, ...options, connection: this.#connection });
  }

  #createConnection(): Connection {
    const { clientId = 'client', clock, random, emit } = this.#options;
    const { gate, product } = this.#engine;
    return new Connection(
      { clientId, broker: this.name, address: `embedded ${product}`, gate, clock, random, emit },
      {
        connectionUp: () => this.#connectionUp(),
        connectionLost: () => this.#connectionLost(),
        unblocked: () => this.#publishes.resume(),
      },
    );
  }

  connect(signal: AbortSignal): Promise<void> {
    return this.#connection.isClosed ? Promise.reject(closedError()) : this.#connection.connect(signal);
  }

  async provision(topology: Topology): Promise<void> {
    this.#requireUp();
    this.#engine.provision(topology, (place) =>
      this.#options.emit('place-created', { broker: this.name, ...place }),
    );
  }

  publisher(destination: Destination): Publisher {
    const route = this.#engine.route(destination);
    const publishes = this.#publishes;
    return {
      get maxMessageBytes() {
        return route.maxMessageBytes;
      },
      publish: (ticket) => publishes.publish(ticket, route),
    };
  }

  async attach(spec: LegSpec): Promise<Leg> {
    if (this.#connection.isClosed) throw closedError();
    const leg = new EmbeddedLeg({
      broker: this.name,
      spec,
      feed: this.#engine.feed(spec),
      failedToJoin: (one) => this.#joinLater(one),
      stopped: (one) => this.#forget(one),
    });
    while (!this.#connection.isUp) await this.#connectionFor(leg);
    leg.join();
    this.#legs.add(leg);
    if (this.#legs.size === 1)
      this.#options.emit('broker-connected', { broker: this.name, role: 'consumer' });
    return leg;
  }

  async depth(consumer: AnyConsumer): Promise<number | null> {
    return this.#connection.isUp ? this.#engine.depth(consumer) : null;
  }

  /** It makes what is missing by itself, and is gone with its process: there is nothing to set up. */
  async inspect(): Promise<EmbeddedInspection> {
    this.#requireUp();
    return { kind: 'embedded' };
  }

  async survey(consumer: AnyConsumer): Promise<Survey> {
    this.#requireUp();
    return this.#engine.survey(consumer);
  }

  async *letters(consumer: AnyConsumer, { signal }: ReadLetters = {}): AsyncGenerator<StoredLetter> {
    this.#requireUp();
    const reading = this.#engine.readLetters(consumer);
    this.#readings.add(reading);
    try {
      for (let letter = reading.next(); letter !== null; letter = reading.next()) {
        if (signal?.aborted) return;
        yield letter;
        if (!this.#readings.has(reading)) throw this.#unavailable();
      }
    } finally {
      this.#readings.delete(reading);
      reading.end();
    }
  }

  health(): BrokerHealth {
    const { state, reason } = this.#connection;
    const health = { state, pendingPublishes: this.#publishes.pending };
    return reason === undefined ? health : { ...health, reason };
  }

  close({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    await this.#publishes.close(deadlineMs);
    for (const leg of [...this.#legs]) await leg.detach();
    this.#endReadings();
    this.#connection.close();
    for (const answer of [...this.#starting.values()]) answer(closedError());
  }

  #requireUp(): void {
    if (this.#connection.isClosed) throw closedError();
    if (!this.#connection.isUp) throw this.#unavailable();
  }

  #unavailable(): BuscouplerError {
    return new BuscouplerError('BC_BROKER_UNAVAILABLE', `The embedded ${this.product} is not connected.`);
  }

  /** The broker takes back what readers hold. */
  #endReadings(): void {
    for (const reading of this.#readings) reading.end();
    this.#readings.clear();
  }

  #connectionFor(leg: EmbeddedLeg): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#starting.set(leg, (error) => {
        this.#starting.delete(leg);
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  #connectionUp(): void {
    for (const answer of [...this.#starting.values()]) answer(null);
    for (const leg of [...this.#legs]) leg.join();
    this.#publishes.resume();
  }

  #connectionLost(): void {
    for (const leg of [...this.#legs]) leg.lose();
    this.#endReadings();
    this.#publishes.connectionLost();
  }

  #joinLater(leg: EmbeddedLeg): void {
    this.#options.clock.schedule(() => {
      if (this.#connection.isUp && this.#legs.has(leg)) leg.join();
    }, REJOIN_MS);
  }

  #forget(leg: EmbeddedLeg): void {
    this.#legs.delete(leg);
    this.#starting.get(leg)?.(closedError());
  }
}
