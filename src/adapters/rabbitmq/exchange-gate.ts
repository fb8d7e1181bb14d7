import type { Clock } from '../../contract/clock.js';
import type { BuscouplerError } from '../../contract/errors.js';
import type { ExchangeState, Parcel } from './parcel.js';
import { checkExchange, type PlaceAccess } from './places.js';
import { exchangeState } from './target.js';

/** Pause before an exchange is asked for again when the server could not say, or used again when no queue was bound, ms. */
const ASK_AGAIN_MS = 100;

/** What the gate needs of the publisher. */
export interface GateOptions {
  readonly clock: Clock;
  readonly access: () => PlaceAccess | null;
  /** The exchange is there: these may go, in this order. */
  readonly open: (parcels: readonly Parcel[]) => void;
  readonly refuse: (parcel: Parcel, error: BuscouplerError) => void;
}

/**
 * Keeps parcels back whose exchange may not exist, until a throw-away channel has looked: publishing to a missing
 * exchange closes the channel under everybody else's messages.
 */
export class ExchangeGate {
  readonly #options: GateOptions;
  readonly #states = new Map<string, ExchangeState>();
  #parked = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Parcels kept back. */
  get size(): number {
    return this.#parked;
  }

  /** The one state of an exchange. */
  stateOf(exchange: string, isChecked: boolean): ExchangeState {
    let state = this.#states.get(exchange);
    if (state === undefined) {
      state = exchangeState(exchange, isChecked);
      this.#states.set(exchange, state);
    }
    return state;
  }

  /** True if the parcel may not go; the gate then has it, or has refused it. */
  isShut(parcel: Parcel): boolean {
    const state = parcel.target.exchange;
    if (state.refusal !== null && this.#isRefused(parcel, state.refusal)) return true;
    if (state.knowledge === 'good') return false;
    this.#park(parcel);
    this.#ask(state);
    return true;
  }

  #isRefused(parcel: Parcel, refusal: NonNullable<ExchangeState['refusal']>): boolean {
    if (this.#options.clock.monotonicMs() >= refusal.untilMs) {
      parcel.target.exchange.refusal = null;
      return false;
    }
    this.#options.refuse(parcel, refusal.error);
    return true;
  }

  /** The server says that the exchange of this parcel is gone: looks again before the parcel is given up. */
  doubt(parcel: Parcel): void {
    const state = parcel.target.exchange;
    if (state.knowledge === 'good') state.knowledge = 'unknown';
    this.#park(parcel);
    this.#ask(state);
  }

  /** No queue was bound to the exchange: the parcel, and what comes after it, goes in a moment. */
  hold(parcel: Parcel): void {
    const state = parcel.target.exchange;
    this.#park(parcel);
    if (state.knowledge === 'asking') return;
    state.knowledge = 'asking';
    this.#options.clock.schedule(() => this.#open(state), ASK_AGAIN_MS, { keepAlive: true });
  }

  #open(state: ExchangeState): void {
    state.knowledge = 'good';
    this.#options.open(this.#take(state));
  }

  #park(parcel: Parcel): void {
    parcel.target.exchange.parked.push(parcel);
    this.#parked += 1;
  }

  /** A connection is there (again). */
  askAll(): void {
    for (const state of this.#states.values()) if (state.parked.length > 0) this.#ask(state);
  }

  #ask(state: ExchangeState): void {
    const access = this.#options.access();
    if (access === null || state.knowledge === 'asking') return;
    state.knowledge = 'asking';
    checkExchange(access, state.exchange).then(
      () => this.#open(state),
      (error: BuscouplerError) => this.#notFound(state, error),
    );
  }

  #notFound(state: ExchangeState, error: BuscouplerError): void {
    state.knowledge = 'unknown';
    if (error.code === 'BC_BROKER_UNAVAILABLE') {
      // Without a connection `askAll` comes with the next one.
      this.#options.clock.schedule(() => state.parked.length > 0 && this.#ask(state), ASK_AGAIN_MS);
      return;
    }
    for (const parcel of this.#take(state)) this.#options.refuse(parcel, error);
  }

  #take(state: ExchangeState): Parcel[] {
    this.#parked -= state.parked.length;
    return state.parked.splice(0);
  }

  /** Takes out those that do not fit. */
  keep(fits: (parcel: Parcel) => boolean): void {
    for (const state of this.#states.values()) {
      const kept = this.#take(state).filter(fits);
      for (const parcel of kept) this.#park(parcel);
    }
  }

  takeAll(): Parcel[] {
    return [...this.#states.values()].flatMap((state) => this.#take(state));
  }
}
