import type { Clock } from '../contract/clock.js';
import type { ClaimOutcome, Inbox, InboxCopy } from '../contract/inbox.js';
import { wait } from './backoff.js';

const BUSY_WAIT_MIN_MS = 10;
const BUSY_WAIT_MAX_MS = 1_000;

/** What the gate of one consumer is made of. */
export interface InboxGateOptions {
  readonly inbox: Inbox;
  readonly consumer: string;
  readonly clock: Clock;
  /** Aborted when the consumer is stopped hard. */
  readonly signal: () => AbortSignal;
  /** The store stopped answering, or (with `null`) answers again. */
  readonly onAvailability: (error: unknown) => void;
}

/** How a copy passes the inbox. `lost`: neither claimed nor settled, because the delivery or the consumer ended. */
export type Passage = Exclude<ClaimOutcome, 'busy'> | 'lost';

/**
 * Takes one consumer's copies through the inbox. While someone else holds a claim, or the store does not answer, the
 * copy waits in its lane and nothing is let go of.
 */
export class InboxGate {
  readonly #options: InboxGateOptions;
  #isDown = false;
  #tokens = 0;
  readonly #tokenPrefix: string;

  constructor(options: InboxGateOptions, tokenPrefix: string) {
    this.#options = options;
    this.#tokenPrefix = tokenPrefix;
  }

  /** Fresh per claim, never an instance's name: both legs of one instance see the same id. */
  newToken(): string {
    this.#tokens += 1;
    return `${this.#tokenPrefix}-${this.#tokens}`;
  }

  async claim(copy: InboxCopy, token: string, isLost: () => boolean): Promise<Passage> {
    const { consumer, inbox, clock } = this.#options;
    for (let delayMs = BUSY_WAIT_MIN_MS; ; delayMs = Math.min(delayMs * 2, BUSY_WAIT_MAX_MS)) {
      const [outcome] = await this.#ask(() => inbox.claim(consumer, [copy], token), isLost);
      if (outcome === undefined) return 'lost';
      if (outcome !== 'busy') return outcome;
      await wait(clock, delayMs, this.#options.signal());
      if (this.#isOver(isLost)) return 'lost';
    }
  }

  /** A conditional write; `false` if the claim was lost or the delivery ended first. */
  async mark(
    what: 'markDone' | 'release' | 'markBurying' | 'markDead',
    copy: InboxCopy,
    token: string,
    isLost: () => boolean,
  ): Promise<boolean> {
    const { inbox, consumer } = this.#options;
    const [isOurs] = await this.#ask(() => inbox[what](consumer, [copy], token), isLost);
    return isOurs ?? false;
  }

  #isOver(isLost: () => boolean): boolean {
    return isLost() || this.#options.signal().aborted;
  }

  /** Repeats until the store answers; an empty answer means that the delivery ended first. */
  async #ask<Answer>(
    question: () => readonly Answer[] | Promise<readonly Answer[]>,
    isLost: () => boolean,
  ): Promise<readonly Answer[]> {
    for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, 10_000)) {
      try {
        const answer = question();
        const result = answer instanceof Promise ? await answer : answer;
        if (this.#isDown) this.#setDown(false, null);
        return result;
      } catch (error) {
        if (!this.#isDown) this.#setDown(true, error);
        await wait(this.#options.clock, delayMs, this.#options.signal());
        if (this.#isOver(isLost)) return [];
      }
    }
  }

  #setDown(isDown: boolean, error: unknown): void {
    this.#isDown = isDown;
    this.#options.onAvailability(error);
  }
}
