import type { Clock, Random } from '../contract/clock.js';

const FIRST_MS = 250;
const LONGEST_MS = 15_000;

/** Orders whose first row failed for now: each is tried again by itself, after a time that doubles. */
export class HeldBack {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #orders = new Map<string, { readonly failures: number; readonly untilMs: number }>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  failed(order: string): void {
    const failures = (this.#orders.get(order)?.failures ?? 0) + 1;
    const fullMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
    const waitMs = fullMs * (1 - 0.2 * this.#random());
    this.#orders.set(order, { failures, untilMs: this.#clock.monotonicMs() + waitMs });
  }

  succeeded(order: string): void {
    this.#orders.delete(order);
  }

  /** Those whose time has not come. */
  waiting(): string[] {
    const nowMs = this.#clock.monotonicMs();
    const orders: string[] = [];
    for (const [order, { untilMs }] of this.#orders) {
      if (untilMs > nowMs) orders.push(order);
      else if (untilMs + LONGEST_MS < nowMs) this.#orders.delete(order); // sent by somebody else
    }
    return orders;
  }
}
