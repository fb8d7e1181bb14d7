import type { BrokerPort } from '../contract/broker.js';
import type { Clock, Timer } from '../contract/clock.js';

/** Longest time that copies are held, ms; RabbitMQ closes the channel of one that is not acknowledged for 30 min. */
export const HOLD_MAX_MS = 600_000;

/** The same for the few that are held once the others went back, ms: every return counts for each of them. */
const HOLD_FEW_MS = 1_500_000;

/** Trouble that comes back within this is the one before, ms. */
const CALM_MS = 30_000;

/**
 * Most deliveries held by a leg that had to give back: few, as every return counts for each of them, and more than one,
 * so that a bad message among them is not the only one by which a failing consumer could find that it works again.
 */
export const HELD_IN_TROUBLE = 10;

/** What a hold limit is made of. */
export interface HoldLimitOptions {
  readonly clock: Clock;
  /** What is held must go back to its broker, and come again {@link HELD_IN_TROUBLE} at a time. */
  readonly onDue: () => void;
  /** The trouble is over: as much may be held as before. */
  readonly onOver: () => void;
}

/** Whether a broker gives up on a leg that holds a delivery for too long, and counts what it takes back. */
export const limitsHolding = (port: BrokerPort | undefined): boolean =>
  port?.capabilities.limitsDeliveries === true;

/**
 * How long a consumer that nothing gets through (its inbox does not answer, everything fails) holds what was delivered.
 * All of it goes back once, after 10 min; the few that are held from then on go back every 25 min, so that a delivery
 * limit of 20 lasts for 8 h, for them alone.
 */
export class HoldLimit {
  readonly #options: HoldLimitOptions;
  #isTroubled = false;
  /** When what is held goes back, on `Clock.monotonicMs`; `null`: there is no trouble, for long enough. */
  #dueMs: number | null = null;
  #timer: Timer | null = null;
  /** Few are held, because all were held for too long. */
  isCautious = false;

  constructor(options: HoldLimitOptions) {
    this.#options = options;
  }

  /** Whether something keeps everything from getting through; to be told again at any time. */
  update(isTroubled: boolean): void {
    if (this.#isTroubled === isTroubled) return;
    this.#isTroubled = isTroubled;
    if (!isTroubled) {
      this.#schedule(() => this.#over(), CALM_MS);
      return;
    }
    const nowMs = this.#options.clock.monotonicMs();
    this.#dueMs ??= nowMs + HOLD_MAX_MS;
    this.#schedule(() => this.#due(), this.#dueMs - nowMs);
  }

  /** Nothing is held any more. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#isTroubled = false;
    this.#dueMs = null;
    this.isCautious = false;
  }

  #due(): void {
    const { clock, onDue } = this.#options;
    this.isCautious = true;
    this.#dueMs = clock.monotonicMs() + HOLD_FEW_MS;
    this.#schedule(() => this.#due(), HOLD_FEW_MS);
    onDue();
  }

  #over(): void {
    const wasCautious = this.isCautious;
    this.end();
    if (wasCautious) this.#options.onOver();
  }

  #schedule(then: () => void, delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.schedule(then, delayMs);
  }
}
