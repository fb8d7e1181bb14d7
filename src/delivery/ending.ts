import type { FinalErrors, HandlerResult } from '../contract/consumer.js';
import { BuscouplerError } from '../contract/errors.js';
import type { DeadLetterReason } from '../dead-letters/failure.js';
import { isFinalError } from './final-errors.js';
import type { RetryStep } from './retry-plan.js';

/** A message that is given up on. */
export interface Failed {
  readonly kind: 'failed';
  readonly reason: DeadLetterReason;
  readonly error: unknown;
  /** The last attempt. */
  readonly attempt: number;
}

/** A message whose inline attempts are used up: a copy of it comes back later. */
export interface DeferredRetry {
  readonly kind: 'deferred';
  readonly step: RetryStep;
  /** Ms since the epoch. */
  readonly firstFailedAtMs: number;
}

/** How the attempts at one message ended. `interrupted`: the consumer was stopped; nothing is settled. `aside`: it waits for its turn. */
export type Ending =
  | { readonly kind: 'done' }
  | { readonly kind: 'drop'; readonly reason: string }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'aside' }
  | DeferredRetry
  | Failed;

/** An attempt that failed, after which another may follow. */
export interface Again {
  readonly kind: 'again';
  readonly error: unknown;
  readonly isRetriable: boolean;
  /** The handler did not get through, where otherwise it asked for another run. */
  readonly isFailure: boolean;
  /** `null`: the backoff decides. */
  readonly afterMs: number | null;
}

/** The shared ending of success: the hot path allocates none. */
export const DONE: Ending = { kind: 'done' };

/** The consumer was stopped. */
export const INTERRUPTED: Ending = { kind: 'interrupted' };

/** Everything fails at the moment. */
export const ASIDE: Ending = { kind: 'aside' };

/** What a handler's return value means. */
export function readVerdict(verdict: HandlerResult, attempt: number): Ending | Again {
  if (verdict === undefined || verdict === null || typeof verdict !== 'object') return DONE;
  if (verdict.kind === 'drop') return { kind: 'drop', reason: verdict.reason };
  if (verdict.kind === 'dead-letter') {
    const what = `The handler gave the message up: ${verdict.reason}.`;
    return {
      kind: 'failed',
      reason: 'rejected',
      error: new BuscouplerError('BC_HANDLER_FAILED', what),
      attempt,
    };
  }
  if (verdict.kind === 'retry') {
    const error = new BuscouplerError('BC_HANDLER_FAILED', 'The handler asked to be run again.');
    return { kind: 'again', error, isRetriable: true, isFailure: false, afterMs: verdict.afterMs ?? null };
  }
  return DONE;
}

/** What a throw means: it may succeed next time, unless the error or the consumer says that it never will. */
export const readThrown = (error: unknown, never: FinalErrors): Again => ({
  kind: 'again',
  error,
  isRetriable: !isFinalError(error, never),
  isFailure: true,
  afterMs: null,
});

/** A message whose time is over. */
export function readExpired(expiresAtMs: number, attempt: number): Failed {
  const what = `The message expired at ${new Date(expiresAtMs).toISOString()}.`;
  return {
    kind: 'failed',
    reason: 'expired',
    error: new BuscouplerError('BC_MESSAGE_EXPIRED', what),
    attempt,
  };
}

/** A copy that is older than the inbox remembers: it counts as expired. */
export const readOutside = (error: BuscouplerError, attempt: number): Failed => ({
  kind: 'failed',
  reason: 'expired',
  error,
  attempt,
});

/** A message that fails codec or schema. */
export function readProblem(problem: string, attempt: number, action: 'dead-letter' | 'drop'): Ending {
  if (action === 'drop') return { kind: 'drop', reason: problem };
  const error = new BuscouplerError('BC_MESSAGE_INVALID', `The message is invalid: ${problem}.`);
  return { kind: 'failed', reason: 'invalid', error, attempt };
}

/** A message whose burial someone else decided: only the letter is missing, and why is not known any more. */
function readBurial(attempt: number): Failed {
  const what = 'An earlier owner gave the message up and ended before its letter was stored.';
  return {
    kind: 'failed',
    reason: 'attempts',
    error: new BuscouplerError('BC_HANDLER_FAILED', what),
    attempt,
  };
}

/** A message whose owners ended without a word again and again: it seems to kill the process. */
function readPoison(attempt: number): Failed {
  const what = 'Owner after owner ended without a word while it handled the message.';
  return { kind: 'failed', reason: 'poison', error: new BuscouplerError('BC_HANDLER_FAILED', what), attempt };
}

/** Why a message is buried whose burial the inbox asks for. */
export const readBuried = (passage: 'burying' | 'poison', attempt: number): Failed =>
  passage === 'poison' ? readPoison(attempt) : readBurial(attempt);
