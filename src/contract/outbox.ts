import type { Awaitable } from './inbox.js';
import type { BrokerName, OutgoingMessage } from './message.js';
import type { OutboxHealth } from './message-bus.js';
import type { TransactionSession } from './transaction-session.js';

/** Into how many lanes the rows of an outbox are divided. All its relays share this number, so it never changes. */
export const OUTBOX_LANES = 16;

/** One message in the outbox, as complete as it will go to the brokers. */
export interface OutboxRow {
  /** Unique in the store: topic and message id. */
  readonly rowId: string;
  /** Name of the topic definition. */
  readonly topic: string;
  /** Rows of equal order are sent one after another: topic and key, or, without a key, a value of its own. */
  readonly order: string;
  /** Follows from `order`; 0 to {@link OUTBOX_LANES} − 1. */
  readonly lane: number;
  readonly message: OutgoingMessage;
  /** Those that have not stored it: at first every broker of the route at the time of the publish. */
  readonly brokers: readonly BrokerName[];
}

/** The rows of one lane that wait for one broker: what a relay leases. */
export interface OutboxLane {
  readonly broker: BrokerName;
  readonly lane: number;
}

/** Which rows a relay wants next. */
export interface ReadRows {
  readonly broker: BrokerName;
  readonly lanes: readonly number[];
  readonly limit: number;
  /** Orders whose rows are left out. */
  readonly except: readonly string[];
}

/** Who sends the rows of a lane. */
export interface LaneLease extends OutboxLane {
  /** Of the relay that holds it; `null`: nobody. */
  readonly token: string | null;
  /** Goes up with every renewal and every change of hands. */
  readonly renewals: number;
}

/** A sign of life of a relay. */
export interface RelayPresence {
  readonly token: string;
  /** Those that it can reach. */
  readonly brokers: readonly BrokerName[];
  readonly renewals: number;
}

/** Every lease and every relay, as the store has them. */
export interface RelayBoard {
  readonly leases: readonly LaneLease[];
  readonly relays: readonly RelayPresence[];
}

/** What waits in the outbox for one broker. Counting ends at 10,000. */
export interface OutboxBacklog {
  readonly pending: number;
  readonly parked: number;
  /** Publish time of the oldest that waits, ms since the epoch; `null`: none waits. */
  readonly oldestAtMs: number | null;
}

/**
 * Keeps messages from the caller's transaction until every broker of their route has stored them. A row that was rolled
 * back was never there: reads see only what can never be rolled back.
 */
export interface Outbox {
  /** Longest wait for an answer of it, ms; the bus gives up then, with BC_OUTBOX_UNAVAILABLE. Default 10,000. */
  readonly timeoutMs?: number;
  /** Connects, creates indexes. Idempotent. */
  start(): Awaitable<void>;
  close(): Awaitable<void>;
  /**
   * Stores a row in the open transaction of the session. Rejects with BC_TRANSACTION_REQUIRED without one, with
   * BC_OUTBOX_DUPLICATE when the id is in the outbox for this topic already; the transaction is lost then. A transient
   * error of the store is passed on as it is: its label lets the caller's client repeat the transaction.
   */
  add(row: OutboxRow, session: TransactionSession): Awaitable<void>;
  /**
   * Committed rows that wait for the broker and are not parked for it, oldest first: a row whose transaction committed
   * before that of another one began comes before it, whichever process wrote them.
   */
  read(wanted: ReadRows): Awaitable<readonly OutboxRow[]>;
  /** The broker has stored these rows. Those that no other broker lacks leave the outbox. */
  markStored(broker: BrokerName, rows: readonly OutboxRow[]): Awaitable<void>;
  /** Takes a row out of the way that the broker will never take as things are; it stays until `reopen`. */
  park(broker: BrokerName, row: OutboxRow, reason: string): Awaitable<void>;
  /** Lets what is parked, in these lanes or anywhere, be tried again. Returns how many copies that are. */
  reopen(lanes?: readonly OutboxLane[]): Awaitable<number>;
  backlog(broker: BrokerName): Awaitable<OutboxBacklog>;
  /** Renews every lease of this token and its sign of life, then tells about all of them. */
  renew(relay: Pick<RelayPresence, 'token' | 'brokers'>): Awaitable<RelayBoard>;
  /** Takes leases, each only if its token and renewals are still those that were seen. */
  take(token: string, seen: readonly LaneLease[]): Awaitable<void>;
  /** Gives leases back, those that this token still holds; `isLeaving` ends its sign of life as well. */
  release(token: string, lanes: readonly OutboxLane[], isLeaving?: boolean): Awaitable<void>;
}

/** Sends what the outbox holds, for as long as the bus runs. */
export interface OutboxRelay {
  start(): void;
  /** A publish was stored, its commit is near: looks soon. */
  nudge(): void;
  /** Finishes what is under way, by the deadline, and gives its lanes back. */
  stop(options: { readonly deadlineMs: number }): Promise<void>;
  health(): OutboxHealth;
}
