import { setMaxListeners } from 'node:events';
import type { Clock, Random } from '../contract/clock.js';
import { BuscouplerError } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import { type AheadOfTurn, ClaimsAhead } from './claims-ahead.js';
import { KeyLanes, type LaneItem } from './key-lanes.js';
import { MassFailure } from './mass-failure.js';
import { RunningHandlers } from './running-handlers.js';

/** One delivery in its lane. */
export interface StintWork extends LaneItem {
  readonly broker: BrokerName;
  /** Its channel or partition, or its stint, is gone. */
  readonly isOver: boolean;
  /** When its message failed for the first time, ms since the epoch; `null`: it has not failed, as far as is known. */
  readonly failedAtMs: number | null;
  /** Called while the one before it of its key runs. */
  prepare(): void;
  /** Called when its turn has come; it tells its end by `Stint.letPass`, or goes by `Stint.setAside`. Never throws. */
  start(): void;
}

/** What a stint is made of. */
export interface StintOptions {
  readonly consumer: string;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Everything fails, and one message at a time is tried, or (`false`) no more. */
  readonly onProbing: (isProbing: boolean) => void;
}

/**
 * One stretch of a consumer's work, until it is ended hard: its lanes, its running handlers, what it holds per broker.
 * What outlives the end (a store that does not answer) belongs to it and not to the next one.
 */
export class Stint {
  readonly lanes: KeyLanes<StintWork>;
  readonly running: RunningHandlers;
  readonly massFailure: MassFailure<StintWork>;
  readonly ahead: ClaimsAhead<AheadOfTurn>;
  readonly #consumer: string;
  readonly #controller = new AbortController();
  readonly #held: Record<BrokerName, number> = { kafka: 0, rabbitmq: 0 };
  #idleWaiters: { readonly broker: BrokerName; readonly resolve: () => void }[] = [];
  isOver = false;

  constructor({ consumer, concurrency, clock, random, onProbing }: StintOptions) {
    this.#consumer = consumer;
    setMaxListeners(0, this.#controller.signal); // as many wait for it as run; Node.js would warn from the eleventh on
    this.lanes = new KeyLanes(concurrency, (work) => work.start());
    this.running = new RunningHandlers(clock);
    this.ahead = new ClaimsAhead({ clock, most: concurrency, freePlaces: () => this.lanes.free });
    this.massFailure = new MassFailure({
      clock,
      random,
      takeUp: (work) => this.lanes.takeUp(work),
      onChange: onProbing,
    });
  }

  /** Aborted by `end`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  take(work: StintWork): void {
    this.#held[work.broker] += 1;
    this.lanes.push(work);
  }

  /** The delivery runs: the next of its key does what it can before its turn. */
  prepareNext(work: StintWork): void {
    this.lanes.after(work)?.prepare();
  }

  /** The delivery runs and waits no longer. */
  letPass(work: StintWork): void {
    this.#held[work.broker] -= 1;
    if (this.#held[work.broker] === 0 && this.#idleWaiters.length > 0) this.#tellIdle(work.broker);
    this.lanes.finish(work);
    this.ahead.fill();
    if (this.massFailure.isProbing) this.massFailure.ended(work);
  }

  /** The delivery waits for the inbox; its place is others'. */
  stepAside(work: StintWork): void {
    this.lanes.setAside(work);
    this.ahead.fill();
  }

  /** The delivery waits until the consumer has stopped probing, or tries this one; then it is started again. */
  setAside(work: StintWork): void {
    this.lanes.setAside(work);
    this.massFailure.setAside(work);
  }

  /** Deliveries of a broker that run or wait. */
  held(broker: BrokerName): number {
    return this.#held[broker];
  }

  /** Resolves when no delivery of the broker runs or waits. */
  idle(broker: BrokerName): Promise<void> {
    if (this.#held[broker] === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push({ broker, resolve }));
  }

  /** Aborts running handlers and drops what waits; nothing of it is settled. */
  end(): void {
    this.isOver = true;
    this.#controller.abort();
    const what = `The consumer "${this.#consumer}" was stopped.`;
    this.running.interruptAll(new BuscouplerError('BC_LIFECYCLE', what));
    this.massFailure.end();
  }

  #tellIdle(broker: BrokerName): void {
    const waiters = this.#idleWaiters.filter((one) => one.broker === broker);
    this.#idleWaiters = this.#idleWaiters.filter((one) => one.broker !== broker);
    for (const { resolve } of waiters) resolve();
  }
}
