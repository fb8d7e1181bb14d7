import type { StoreInspection } from './inspection.js';
import type { LetterLedger } from './letter-ledger.js';
import type { TransactionSession } from './transaction-session.js';

/** One copy of a message, as the inbox sees it. */
export interface InboxCopy {
  readonly id: string;
  /** `bc-replay-count`; each generation has one effect. */
  readonly generation: number;
  /** `bc-attempt`, 1-based. */
  readonly attempt: number;
}

/** A copy and the token under which it was claimed. */
export interface InboxClaim {
  readonly copy: InboxCopy;
  readonly token: string;
}

/**
 * `claimed`: ours to run. `settled`: let go of this copy (done, dead, or a later attempt is stored). `busy`: someone
 * else holds a live claim; look again later. `burying`: store the dead letter and never run the handler; the claim is ours.
 * `poison`: the same, because owner after owner ended without a word: the message seems to kill the process.
 */
export type ClaimOutcome = 'claimed' | 'settled' | 'busy' | 'burying' | 'poison';

/** What the inbox knows of a message. `open`: nobody has it now and it may be run. */
export type InboxState = 'open' | 'claimed' | 'burying' | 'done' | 'dead';

/** A value or a promise of it: stores in memory answer at once. */
export type Awaitable<Value> = Value | Promise<Value>;

/**
 * Knows which (consumer, message id, generation) is settled. Record states: `open` → `claimed(token, lease)` → `done` |
 * `burying` → `dead`. Every write but the claim is conditional on still owning the claim and answers per copy whether
 * it took effect; `false` means: look again. Such a write takes claims of any tokens. A call that was rejected may be repeated
 * with the same tokens: what it wrote all the same is recognised.
 */
export interface Inbox {
  /** True if other processes see the same records. */
  readonly isShared: boolean;
  /** How long a settled message is remembered, counted from settling, ms. */
  readonly ttlMs: number;
  /** Most copies that are worth one call, never two of one message. Absent: it answers at once, a copy at a time. */
  readonly bulkSize?: number;
  /** Settles and lets a handler write in one transaction; absent: it cannot. */
  readonly transactions?: InboxTransactions;
  /** Looks at the store before `start` and changes nothing. Rejects if it does not answer. Absent: there is nothing to see. */
  readonly inspect?: () => Promise<StoreInspection>;
  /** Connects, creates indexes. Idempotent. */
  start(): Awaitable<void>;
  close(): Awaitable<void>;
  /** Claims in bulk under one fresh token. Outcomes in the order of the copies. */
  claim(consumer: string, copies: readonly InboxCopy[], token: string): Awaitable<readonly ClaimOutcome[]>;
  /** The handler's effect is in. */
  markDone(consumer: string, claims: readonly InboxClaim[]): Awaitable<readonly boolean[]>;
  /** Gives the claim back: the copy may be run again (failed for now, or never started). `attempt` is raised to the copy's. */
  release(consumer: string, claims: readonly InboxClaim[]): Awaitable<readonly boolean[]>;
  /** Decides the dead letter before it is stored. */
  markBurying(consumer: string, claims: readonly InboxClaim[]): Awaitable<readonly boolean[]>;
  /** The dead letter is stored. */
  markDead(consumer: string, claims: readonly InboxClaim[]): Awaitable<readonly boolean[]>;
  /** Which copies are settled; for a leg that follows. */
  areSettled(consumer: string, copies: readonly InboxCopy[]): Awaitable<readonly boolean[]>;
  /** State of each copy's record; `null`: there is none. */
  statesOf(consumer: string, copies: readonly InboxCopy[]): Awaitable<readonly (InboxState | null)[]>;
  /** What was done with dead letters that cannot be taken out of their place. Absent: nobody remembers it. */
  readonly letters?: LetterLedger;
}

/** The transactions of an inbox. */
export interface InboxTransactions {
  /**
   * Checks that the store has transactions and lets them live longer than this, ms. Called after `start`. Rejects with
   * BC_TRANSACTIONS_UNSUPPORTED or BC_DEFINITION_INVALID.
   */
  prepare(consumer: string, handlerTimeoutMs: number): Promise<void>;
  /**
   * Opens a transaction whose first write is `claimed(token)` → `done`. Resolves with `null` if the claim was lost.
   */
  begin(consumer: string, copy: InboxCopy, token: string): Promise<InboxTransaction | null>;
  /** True if the store undid the transaction for a reason of its own (a conflict, a lock), so that it is worth repeating. */
  isTransient(error: unknown): boolean;
}

/** A transaction that is open. */
export interface InboxTransaction {
  /** For the handler's writes. */
  readonly session: TransactionSession;
  /** Resolves once it is certain that it is committed. Rejects once it is certain that it is not. */
  commit(signal: AbortSignal): Promise<void>;
  /** Undoes it; the claim stays. Never rejects. */
  abort(): Promise<void>;
}
