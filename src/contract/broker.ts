import type { Capabilities } from './capabilities.js';
import type { AnyConsumer } from './consumer.js';
import type { BuscouplerError } from './errors.js';
import type { Inspection } from './inspection.js';
import type { LogPosition } from './log-position.js';
import type { BrokerName, IncomingMessage, OutgoingMessage } from './message.js';
import type { Survey } from './survey.js';
import type { AnyTopic } from './topic.js';

/**
 * How one broker answered one publish. `stored`: it is durable there. `failed`: nothing was stored. `uncertain`: the
 * request left and no answer came, so it may be stored; repeating with the same id is safe.
 */
export type PublishOutcome =
  | { readonly status: 'stored' }
  | { readonly status: 'failed' | 'uncertain'; readonly error: BuscouplerError };

/** The shared outcome of success: the hot path allocates none. */
export const STORED: PublishOutcome = Object.freeze({ status: 'stored' });

/**
 * One message on its way to one broker. Its owner enforces deadline and abort by settling it; the adapter skips
 * tickets that are settled already and lets go of them soon.
 */
export interface PublishTicket {
  readonly message: OutgoingMessage;
  /** On `Clock.monotonicMs`; the adapter retries what is not confirmed until then. */
  readonly deadlineMs: number;
  /** Set by the adapter before the first byte may leave; decides between `failed` and `uncertain` at the deadline. */
  wasSent: boolean;
  readonly isSettled: boolean;
  /** The first call wins; later ones (a late acknowledgement) are ignored. Never throws. */
  settle(outcome: PublishOutcome): void;
}

/**
 * Where a publisher sends to: a topic, the dead-letter place of a consumer, or the place from which a copy comes back to
 * this consumer alone after `delayMs`: one of its deferred delays, or 0 for at once.
 */
export type Destination =
  | { readonly kind: 'topic'; readonly topic: AnyTopic }
  | { readonly kind: 'dead-letter'; readonly consumer: AnyConsumer }
  | { readonly kind: 'retry'; readonly consumer: AnyConsumer; readonly delayMs: number };

/** Sends to one destination. */
export interface Publisher {
  /**
   * Largest body plus headers in bytes that the destination takes, as far as it is known by now; 32 KiB of it are
   * kept free for the headers of retry and dead-letter copies by the caller.
   */
  readonly maxMessageBytes: number;
  /**
   * Takes the ticket at once and settles it later. Order of calls is the order per key on the wire, as long as the
   * broker answers. Over the adapter's bounds in count or bytes the ticket is settled `failed` with
   * BC_PUBLISH_OVERFLOW; while the broker is away tickets wait for it within those bounds.
   */
  publish(ticket: PublishTicket): void;
}

/** Deliveries of one channel or of one assignment of a partition; when it is lost, all its deliveries are void. */
export interface DeliverySource {
  /** True once channel or partition is gone: what has not started is dropped, settling has no effect. */
  readonly isLost: boolean;
}

/** One message handed over to us and not yet let go of. */
export interface Delivery {
  readonly message: IncomingMessage;
  readonly source: DeliverySource;
  /** Lets go: ack on RabbitMQ, commit past it on Kafka (never past a hole). Idempotent, never throws. */
  settle(): void;
}

/**
 * `live`: everything is handed over. `draining`: the consumer was moved away; only copies that exist on this broker alone
 * (deferred retries, replays) must be handed over, and where they share a place with the others, those come too.
 */
export type LegRole = 'live' | 'draining';

/** What a leg is made of. */
export interface LegSpec {
  readonly consumer: AnyConsumer;
  /** Default `live`. */
  readonly role?: LegRole;
  /** Most deliveries handed over and unsettled at a time. */
  readonly capacity: number;
  /** Called once per delivery in the broker's order. Never throws. */
  readonly deliver: (delivery: Delivery) => void;
}

/** State of a leg. `idle`: declared but not fed. `draining`: finishing what was delivered. */
export type LegState =
  | 'idle'
  | 'starting'
  | 'live'
  | 'paused'
  | 'draining'
  | 'recovering'
  | 'failed'
  | 'stopped';

/** What a leg says of itself. */
export interface LegStatus {
  readonly state: LegState;
  /** Delivered and unsettled. */
  readonly unsettled: number;
  /** Messages waiting in queue or log for this consumer, as last seen; `null`: not known. */
  readonly waiting: number | null;
  /** Why it is not live, if so. */
  readonly reason?: string;
}

/** A consumer's attachment to one broker. */
export interface Leg {
  readonly broker: BrokerName;
  /** Stops handing over; deliveries that are out can still be settled. */
  pause(): void;
  resume(): void;
  setCapacity(capacity: number): void;
  status(): LegStatus;
  /**
   * Stops handing over for good. Resolves when no further `deliver` call will come; deliveries that are out can still
   * be settled until `detach`.
   */
  drain(): Promise<void>;
  /** Flushes settlements and leaves (cancels, leaves the group). What is unsettled goes back to the broker. */
  detach(options: { readonly deadlineMs: number }): Promise<void>;
}

/** One letter as it lies in the dead-letter place of a consumer. */
export interface StoredLetter {
  /** As it was read; the position is that of the letter in its place. Nothing of it is parsed. */
  readonly message: IncomingMessage;
  /** Why it cannot be shown whole (headers that no client can decode), if so. Its body is shown all the same. */
  readonly problem?: string;
  /** Takes it out of its place. Resolves with `false` where no single record can be taken out (a log). */
  remove(): Promise<boolean>;
}

/** How dead letters are read. */
export interface ReadLetters {
  /** Ends the reading. */
  readonly signal?: AbortSignal;
}

/** A batch that was stepped over, as it could not be decoded. */
export interface SkippedBatch {
  readonly topic: string;
  readonly partition: number;
  /** Offset of its first record, in digits. */
  readonly firstOffset: string;
  /** Offset of its last record, in digits. */
  readonly lastOffset: string;
  /** True: its bytes are a dead letter with reason `poison`. False: they could not be stored, and are in the topic only. */
  readonly isStored: boolean;
}

/** What a broker connection says of itself. */
export interface BrokerHealth {
  /** `degraded`: works in part (one of several connections, a blocked publisher). */
  readonly state: 'idle' | 'connecting' | 'up' | 'degraded' | 'down' | 'closed';
  /** Publishes taken and not settled. */
  readonly pendingPublishes: number;
  /** The last failure, secrets removed. */
  readonly reason?: string;
}

/** Everything that must exist on a broker before messages flow. */
export interface Topology {
  readonly topics: readonly AnyTopic[];
  readonly consumers: readonly AnyConsumer[];
}

/**
 * A broker, behind which its client library hides. Life: `connect`, `provision`, then `publisher` and `attach` at any
 * time, `close`. After `connect` resolved it recovers by itself until `close`.
 */
export interface BrokerPort {
  readonly name: BrokerName;
  /** What serves the name. */
  readonly product: 'kafka' | 'rabbitmq' | 'log' | 'queue';
  readonly capabilities: Capabilities;
  /**
   * Resolves when it can publish. Connection failures are retried with backoff until the signal aborts, then rejected
   * with the last one; wrong credentials, TLS and protocol errors are rejected at once (BC_AUTHENTICATION, BC_TLS,
   * BC_PROTOCOL). May be called again after a rejection.
   */
  connect(signal: AbortSignal): Promise<void>;
  /**
   * Creates or checks topics, queues, bindings, groups with start offsets, and dead-letter places. Idempotent; what is
   * marked existing is only checked. Rejects with BC_PLACE_MISSING, BC_PLACE_CONFLICT, BC_PERMISSION or BC_NAME_INVALID.
   */
  provision(topology: Topology): Promise<void>;
  publisher(destination: Destination): Publisher;
  /** Resolves when the leg is known to be fed (consume-ok, joined group). */
  attach(spec: LegSpec): Promise<Leg>;
  /** Messages waiting for a consumer whose leg here is idle; `null`: not known. Best effort. */
  depth(consumer: AnyConsumer): Promise<number | null>;
  /**
   * Reads the dead letters of a consumer, oldest first, up to the last one that was there when it began, in bounded memory.
   * What is not removed stays, however often it is read and however the reading ends. On a queue one reader at a time sees
   * a letter. Rejects with BC_PLACE_MISSING or BC_BROKER_UNAVAILABLE.
   */
  letters(consumer: AnyConsumer, options?: ReadLetters): AsyncIterable<StoredLetter>;
  /**
   * Steps over the one batch at this position that cannot be decoded: in the running consumer where it is attached here, else
   * for its group, which must have no members (BC_SKIP_REFUSED). Resolves with `null` if nothing is stuck there, as far
   * as this process knows. Absent where nothing can be stuck.
   */
  skip?(consumer: AnyConsumer, position: LogPosition): Promise<SkippedBatch | null>;
  /**
   * What `skip` would step over for a group that has no members, refused for the same reasons (BC_SKIP_REFUSED); nothing is
   * changed, so that `isStored` is false. There where `skip` is.
   */
  findStuck?(consumer: AnyConsumer, position: LogPosition): Promise<SkippedBatch | null>;
  /**
   * Looks at what is there for a topology, and at what would be created. Changes nothing, joins no group, takes no message.
   * Rejects with BC_NAME_INVALID, or if the broker does not answer at all; what single questions are refused for is in it.
   */
  inspect(topology: Topology): Promise<Inspection>;
  /**
   * Counts what there is for a consumer. Changes nothing, joins no group, takes no message. Rejects if the broker does not
   * answer; places that are not there hold nothing.
   */
  survey(consumer: AnyConsumer): Promise<Survey>;
  health(): BrokerHealth;
  /** Settles every ticket that it holds, by the deadline at the latest, then disconnects. Idempotent. */
  close(options: { readonly deadlineMs: number }): Promise<void>;
}
