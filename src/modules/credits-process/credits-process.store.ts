import type { HandlerContext } from '../../index.js';
import type { TopUp } from './credits-process.schema.js';

/** What a user has. Whole numbers of the smallest unit; none is ever below zero. */
export interface Balance {
  readonly user: string;
  /** May be reserved. */
  readonly available: number;
  /** Held for requests that run. */
  readonly reserved: number;
  /** Paid for requests that ended. */
  readonly spent: number;
  /** What requests used beyond what was there when they ended. */
  readonly owed: number;
}

/**
 * How far a request has come. `parked`: its end came first. `refused`: there was too little; it costs nothing. `expired`: its
 * end did not come in time, and what was reserved went back; an end that comes later is settled all the same. `abandoned`: it
 * did not come for so long that it is known no longer.
 */
export type RequestState = 'parked' | 'reserved' | 'refused' | 'expired' | 'settled' | 'abandoned';

/** One message about a request, as the store needs it. */
export interface RequestStep {
  readonly request: string;
  readonly user: string;
  /** In the smallest unit. */
  readonly cost: number;
  readonly messageId: string;
}

/** The caller's transaction; absent: every write by itself. */
export type Session = HandlerContext['session'];

/** A top-up that would make the balance inexact. */
export class BalanceTooHighError extends Error {
  override readonly name = 'BalanceTooHighError';
}

/** Most that a balance may hold, in the smallest unit. */
export const BALANCE_MAX = 4_000_000_000_000_000;

/** When a reservation goes back, and when its request is forgotten; ms since the epoch. */
export interface Deadlines {
  readonly expiresAtMs: number;
  readonly forgetAtMs: number;
}

/**
 * Balances and requests. Every operation may be repeated, also by two instances at once and after a crash in the middle of
 * it: a message counts once.
 */
export interface CreditsStore {
  /** Idempotent. */
  prepare(): Promise<void>;
  /** Reserves what the request is going to cost, or refuses it; settles it if its end is there. */
  start(step: RequestStep, deadlines: Deadlines, session?: Session): Promise<RequestState>;
  /** Pays what the request has cost and gives the rest of its reservation back; parks it if its start is not there. */
  end(step: RequestStep, session?: Session): Promise<RequestState>;
  /** Rejects with BalanceTooHighError. */
  topUp(topUp: TopUp): Promise<Balance>;
  /** Zeros for a user that nobody knows. */
  balanceOf(user: string): Promise<Balance>;
  /** `null`: nothing was heard of it. */
  stateOf(user: string, request: string): Promise<RequestState | null>;
  /** Gives back what expired and forgets what was abandoned; resolves with how many requests it moved, at most 1,000. */
  expire(nowMs: number): Promise<number>;
}
