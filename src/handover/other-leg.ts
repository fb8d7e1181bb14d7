import type { BrokerPort, LegStatus } from '../contract/broker.js';
import type { BrokerName } from '../contract/message.js';
import { wait } from '../delivery/backoff.js';
import { DrainingLeg, type DrainingLegOptions } from './draining-leg.js';
import type { LegAndTaker } from './feeding.js';
import { limitsHolding } from './hold-limit.js';

/** Longest wait for a leg that came too late to leave, ms. */
const LATE_LEG_MS = 60_000;

/** What the other leg of a consumer is made of. */
export interface OtherLegOptions extends Omit<DrainingLegOptions, 'port' | 'inbox' | 'capacity'> {
  /** Most deliveries that a leg on this broker holds at a time. */
  readonly capacity: (broker: BrokerName) => number;
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  /** Brokers that its topic is published to. */
  readonly carriers: readonly BrokerName[];
  /** `null`: the consumer has none, and therefore no draining leg, which could not tell copies apart. */
  readonly inbox: DrainingLegOptions['inbox'] | null;
}

/** The draining leg of a consumer from one move to the next; there is at most one, on the broker that does not feed it. */
export class OtherLeg {
  readonly #options: OtherLegOptions;
  #leg: DrainingLeg | null = null;
  /** Resolves when a leg that was given up while it attached has left. */
  #late: Promise<void> | null = null;
  #stopWaiting: (() => void) | null = null;

  constructor(options: OtherLegOptions) {
    this.#options = options;
  }

  /** Drains the broker that is not this one: copies that exist there alone would wait for ever. */
  open(fedBy: BrokerName, { isPaused }: { readonly isPaused: boolean }): void {
    const { inbox, carriers, ports, capacity, ...rest } = this.#options;
    const other = carriers.find((one) => one !== fedBy && ports.has(one));
    if (inbox === null || other === undefined) return;
    const port = ports.get(other) as BrokerPort;
    this.#leg = new DrainingLeg({ ...rest, inbox, port, capacity: () => capacity(other) });
    if (isPaused) this.#leg.pause();
    this.#leg.open();
  }

  /** Its broker is there again. */
  tryNow(): void {
    this.#leg?.open();
  }

  pause(): void {
    this.#leg?.pause();
  }

  resume(): void {
    this.#leg?.resume();
  }

  /** Its capacity changed. */
  adjust(): void {
    this.#leg?.setCapacity(this.#options.capacity(this.#leg.broker));
  }

  /** What it holds goes back, if its broker wants that. */
  giveBack(): void {
    if (this.#leg !== null && limitsHolding(this.#options.ports.get(this.#leg.broker))) this.#leg.giveBack();
  }

  status(): Partial<Record<BrokerName, LegStatus>> {
    return this.#leg === null ? {} : { [this.#leg.broker]: this.#leg.status() };
  }

  /** Attaches no more. Resolves with what is to be ended, if anything is attached. */
  async release(): Promise<LegAndTaker | null> {
    const leg = this.#leg;
    if (leg === null) return null;
    const attached = await leg.release();
    this.#late = leg.late ?? this.#late;
    this.#leg = null;
    return attached;
  }

  /**
   * A broker can refuse a leg as long as another one of the consumer joins or leaves there: waits for that, until
   * `stopWaiting`.
   */
  async untilLateLegLeft(): Promise<void> {
    const late = this.#late;
    if (late === null) return;
    const over = new AbortController();
    this.#stopWaiting = () => over.abort();
    const hasLeft = await Promise.race([
      late.then(() => true),
      wait(this.#options.clock, LATE_LEG_MS, over.signal).then(() => !over.signal.aborted),
    ]);
    over.abort();
    this.#stopWaiting = null;
    if (hasLeft) this.#late = null;
  }

  stopWaiting(): void {
    this.#stopWaiting?.();
  }
}
