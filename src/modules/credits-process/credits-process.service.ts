import { type CreditsMessage, costOf, type TopUp } from './credits-process.schema.js';
import type { Balance, CreditsStore, RequestState, Session } from './credits-process.store.js';

/** What surrounds one message. */
export interface CreditsContext {
  readonly messageId: string;
  readonly session?: Session;
}

/** How long requests may run. */
export interface CreditsLimits {
  /** After it what is reserved goes back, ms. Default one hour. */
  readonly reservationMs?: number;
  /** After it an unsettled request is forgotten, ms; its end is refused then. Default 30 days. */
  readonly forgetMs?: number;
}

/** Parts of the service. */
export interface CreditsServiceParts extends CreditsLimits {
  readonly store: CreditsStore;
  /** Ms since the epoch. Default the system's clock. */
  readonly now?: () => number;
}

/** An end whose request is forgotten: trying again cannot help. */
export class AbandonedRequestError extends Error {
  override readonly name = 'AbandonedRequestError';
  readonly retriable = false;
}

const HOUR_MS = 3_600_000;

/** What the server does with credits; it knows no broker. All amounts are whole numbers of the smallest unit. */
export class CreditsProcessService {
  readonly #store: CreditsStore;
  readonly #now: () => number;
  readonly #reservationMs: number;
  readonly #forgetMs: number;

  constructor({
    store,
    now = Date.now,
    reservationMs = HOUR_MS,
    forgetMs = 720 * HOUR_MS,
  }: CreditsServiceParts) {
    this.#store = store;
    this.#now = now;
    this.#reservationMs = reservationMs;
    this.#forgetMs = forgetMs;
  }

  /** Reserves what the request is going to cost; all of its models or none. */
  startRequest(message: CreditsMessage, { messageId, session }: CreditsContext): Promise<RequestState> {
    const { request, user } = message;
    const nowMs = this.#now();
    const deadlines = { expiresAtMs: nowMs + this.#reservationMs, forgetAtMs: nowMs + this.#forgetMs };
    return this.#store.start({ request, user, cost: costOf(message), messageId }, deadlines, session);
  }

  /** Pays what the request has cost, and gives the rest back. Rejects with AbandonedRequestError. */
  async endRequest(message: CreditsMessage, { messageId, session }: CreditsContext): Promise<RequestState> {
    const { request, user } = message;
    const state = await this.#store.end({ request, user, cost: costOf(message), messageId }, session);
    if (state !== 'abandoned') return state;
    throw new AbandonedRequestError(`Request ${request} of ${user} did not end in time and is forgotten.`);
  }

  /** Gives credits; the same payment counts once. Rejects with BalanceTooHighError. */
  topUp(topUp: TopUp): Promise<Balance> {
    return this.#store.topUp(topUp);
  }

  balanceOf(user: string): Promise<Balance> {
    return this.#store.balanceOf(user);
  }

  /** `null`: nothing was heard of it. */
  stateOf(user: string, request: string): Promise<RequestState | null> {
    return this.#store.stateOf(user, request);
  }

  /** Gives back what was reserved for too long; resolves with how many requests that moved. */
  expireReservations(): Promise<number> {
    return this.#store.expire(this.#now());
  }
}
