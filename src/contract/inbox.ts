import type { LetterLedger } from './letter-ledger.js';

/** One copy of a message, as the inbox sees it. */
export interface InboxCopy {
  readonly id: string;
  /** `bc-replay-count`; each generation has one effect. */
  readonly generation: number;
  /** `bc-attempt`, 1-based. */
  readonly attempt: number;
}

/**
 * `claimed`: ours to run. `settled`: let go of this copy (done, dead, or a later attempt is stored). `busy`: someone
 * else holds a live claim; look again later. `burying`: store the dead letter and never run the handler; the claim is ours.
 */
export type ClaimOutcome = 'claimed' | 'settled' | 'busy' | 'burying';

/** State of a record. `open`: nobody has it now and it may be run. */
export type InboxState = 'open' | 'claimed' | 'burying' | 'done' | 'dead';

/** A value or a promise of it: stores in memory answer at once. */
export type Awaitable<Value> = Value | Promise<Value>;

/**
 * Knows which (consumer, message id, generation) is settled. Record states: `open` → `claimed(token, lease)` → `done` |
 * `burying` → `dead`. Every write but the claim is conditional on still owning the claim and answers per copy whether
 * it took effect; `false` means: look again.
 */
export interface Inbox {
  /** True if other processes see the same records. */
  readonly isShared: boolean;
  /** Connects, creates indexes. Idempotent. */
  start(): Awaitable<void>;
  close(): Awaitable<void>;
  /** Claims in bulk under one fresh token. Outcomes in the order of the copies. */
  claim(consumer: string, copies: readonly InboxCopy[], token: string): Awaitable<readonly ClaimOutcome[]>;
  /** The handler's effect is in. */
  markDone(consumer: string, copies: readonly InboxCopy[], token: string): Awaitable<readonly boolean[]>;
  /** Gives the claim back: the copy may be run again (failed for now, or never started). `attempt` is raised to the copy's. */
  release(consumer: string, copies: readonly InboxCopy[], token: string): Awaitable<readonly boolean[]>;
  /** Decides the dead letter before it is stored. */
  markBurying(consumer: string, copies: readonly InboxCopy[], token: string): Awaitable<readonly boolean[]>;
  /** The dead letter is stored. */
  markDead(consumer: string, copies: readonly InboxCopy[], token: string): Awaitable<readonly boolean[]>;
  /** Which copies are settled; for a leg that follows. */
  areSettled(consumer: string, copies: readonly InboxCopy[]): Awaitable<readonly boolean[]>;
  /** State of each copy's record; `null`: there is none. */
  statesOf(consumer: string, copies: readonly InboxCopy[]): Awaitable<readonly (InboxState | null)[]>;
  /** What was done with dead letters that cannot be taken out of their place. Absent: nobody remembers it. */
  readonly letters?: LetterLedger;
}
