import type { BrokerHealth, LegStatus } from './broker.js';
import type { AnyConsumer, ConsumerDefinition } from './consumer.js';
import type { BuscouplerError } from './errors.js';
import type { BusEventName, BusEvents } from './events.js';
import type { BrokerName } from './message.js';
import type { AnyTopic, TopicDefinition } from './topic.js';
import type { TransactionSession } from './transaction-session.js';

/** Options of one publish. */
export interface PublishOptions {
  /** Overrides the topic's key function. */
  readonly key?: string;
  /** Strings or Buffers, at most 32 KiB together; names that begin with `bc-` are refused. */
  readonly headers?: Readonly<Record<string, string | Buffer>>;
  /** Message id. Default a new UUIDv7. Repeating a publish with the same id is always safe. */
  readonly id?: string;
  /** Gives up waiting; what was sent may still be stored. */
  readonly signal?: AbortSignal;
  /** Deadline of this publish, ms. Default the bus' `publish.timeoutMs`. */
  readonly timeoutMs?: number;
  /** Past it the message is not handled any more: it goes to the dead letters with reason `expired`. */
  readonly expiresAt?: Date;
  /**
   * Stores the message in the outbox, inside the caller's open transaction, instead of sending it; a relay publishes it
   * after the commit. Needs an outbox (BC_DEFINITION_INVALID otherwise) and an open transaction (BC_TRANSACTION_REQUIRED).
   * The same id twice for one topic is refused (BC_OUTBOX_DUPLICATE). A transient error of the database is passed on as it
   * is, no `BuscouplerError`: its label makes the database client repeat the transaction. `timeoutMs` has no effect.
   */
  readonly session?: TransactionSession;
  /** True with `data` null: a Kafka tombstone instead of the JSON `null`. */
  readonly tombstone?: boolean;
}

/** What one broker did. `pending`: it is still being tried in the background. `outbox`: it follows the caller's commit. */
export type BrokerOutcome = 'stored' | 'failed' | 'uncertain' | 'pending' | 'outbox';

/** What happened to a published message, per broker of its route. */
export interface Receipt {
  readonly id: string;
  readonly brokers: Readonly<Partial<Record<BrokerName, BrokerOutcome>>>;
}

/** Outcome of one message of a batch. */
export type BatchOutcome =
  | { readonly status: 'published'; readonly receipt: Receipt }
  | { readonly status: 'rejected'; readonly error: BuscouplerError };

/** One message of a batch. */
export interface BatchMessage<Data> extends PublishOptions {
  readonly data: Data;
}

/** Life of the bus. */
export type BusState = 'new' | 'starting' | 'started' | 'closing' | 'closed';

/** Health of one consumer. */
export interface ConsumerHealth {
  readonly state: 'idle' | 'starting' | 'live' | 'paused' | 'moving' | 'recovering' | 'failed' | 'stopped';
  /** The broker that its flag names and that feeds it. */
  readonly broker: BrokerName;
  readonly inFlight: number;
  readonly legs: Readonly<Partial<Record<BrokerName, LegStatus>>>;
  readonly reason?: string;
}

/** What waits in the outbox, as it was measured some seconds ago. */
export interface OutboxHealth {
  /** `away`: the store does not answer; it is tried again. `lagging`: what waits is older than 30 s. */
  readonly state: 'idle' | 'relaying' | 'lagging' | 'away' | 'stopped';
  /** Copies that wait, each broker of a message counted by itself; counting ends at 10,000 per broker. */
  readonly pending: number;
  /** Age of the oldest one, ms; 0: none waits. */
  readonly oldestAgeMs: number;
  /** Copies that their broker refuses for good; see the event `outbox-parked`. */
  readonly parked: number;
  /** Lanes of the outbox that this process sends. */
  readonly lanes: number;
  /** Why it is away. */
  readonly reason?: string;
}

/** Health of everything. `ok` is false when a broker, a consumer, the inbox or the relay does not do its work. */
export interface Health {
  readonly ok: boolean;
  readonly state: BusState;
  readonly brokers: Readonly<Partial<Record<BrokerName, BrokerHealth>>>;
  readonly consumers: Readonly<Record<string, ConsumerHealth>>;
  /** Publishes taken and not settled; copies for a second broker that are tried in the background. */
  readonly publishes: { readonly pending: number; readonly background: number };
  /** Absent without a relay in this process. */
  readonly outbox?: OutboxHealth;
}

/** What `close` could not finish before its deadline. */
export interface CloseReport {
  /** Publishes that were rejected. */
  readonly publishes: number;
  /** Messages delivered and unsettled; their broker delivers them again. */
  readonly deliveries: number;
}

/** A handle on one consumer. */
export interface ConsumerControl {
  readonly name: string;
  start(): Promise<void>;
  /**
   * Stops taking, waits for running handlers until the deadline (default 10,000 ms), leaves. It can start again. Does not
   * wait for a start or a move: that is cut short.
   */
  stop(options?: { readonly deadlineMs?: number }): Promise<void>;
  /** Takes nothing new until `resume`, also across a move; what was delivered is finished. */
  pause(): void;
  resume(): void;
  /** At least 1; the last value wins. */
  setConcurrency(concurrency: number): void;
  /**
   * Moves the consumer to the other broker, as a changed flag does. Resolves when that broker feeds it and the old one
   * has finished. Rejects with BC_MOVE_REFUSED, or with what that broker said, and the consumer stays where it was.
   */
  move(to: BrokerName): Promise<void>;
  status(): ConsumerHealth;
}

/**
 * The bus that modules know. Delivery is at least once; with an inbox a message id has one effect per consumer.
 * Order holds per key. Every promise rejects with a `BuscouplerError` only (but see `PublishOptions.session`).
 */
export interface MessageBus {
  /**
   * Connects, creates places, starts consumers (`consume: false`: publisher only). Rejects when a broker that the
   * routes require is away for `start.timeoutMs`, naming it. Shares the pending promise.
   */
  start(options?: { readonly consume?: boolean }): Promise<void>;
  /**
   * Publishes one message to every broker of its route and resolves when the route's policy is satisfied. Rejects with
   * PublishFailedError (stored nowhere), PublishUncertainError (stored on some, or unknown), or, before anything was
   * sent, with BC_MESSAGE_INVALID, BC_MESSAGE_TOO_LARGE, BC_PLACE_MISSING or BC_LIFECYCLE.
   */
  publish<Input>(
    topic: TopicDefinition<Input, unknown>,
    data: NoInfer<Input>,
    options?: PublishOptions,
  ): Promise<Receipt>;
  /** The same by name. A topic that the bus was not given is sent as JSON without a schema; it must exist. */
  publish(topic: string, data: unknown, options?: PublishOptions): Promise<Receipt>;
  /** Publishes each message by itself and never rejects for one of them: an outcome per message, in order. */
  publishMany<Input>(
    topic: TopicDefinition<Input, unknown> | string,
    messages: readonly BatchMessage<Input>[],
  ): Promise<BatchOutcome[]>;
  /**
   * Makes a topic known; on a started bus its places are created at once where brokers are up. The same definition again
   * does nothing. Rejects what `createBus` would reject. Like `publish`, it is taken while `close` waits for handlers.
   */
  addTopic(definition: AnyTopic): Promise<void>;
  /** Before or after start. Rejects what `createBus` would reject. */
  addConsumer(definition: AnyConsumer | ConsumerDefinition): Promise<void>;
  /** Throws BC_CONSUMER_UNKNOWN, naming the known ones. */
  consumer(name: string): ConsumerControl;
  /**
   * Final: stops consumers, settles every publish, disconnects. While handlers finish, what they publish is still taken.
   * Default deadline 10,000 ms. Shares the pending promise.
   */
  close(options?: { readonly deadlineMs?: number }): Promise<CloseReport>;
  health(): Health;
  /** Returns a function that removes the listener. */
  on<Name extends BusEventName>(name: Name, listener: (event: BusEvents[Name]) => void): () => void;
}
