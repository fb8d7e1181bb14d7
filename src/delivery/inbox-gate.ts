import type { Clock } from '../contract/clock.js';
import type { Awaitable, ClaimOutcome, Inbox, InboxCopy } from '../contract/inbox.js';
import { isThenable } from '../messages/thenable.js';
import { wait } from './backoff.js';

const BUSY_WAIT_MIN_MS = 10;
const BUSY_WAIT_MAX_MS = 1_000;
const DOWN_WAIT_MIN_MS = 100;
const DOWN_WAIT_MAX_MS = 10_000;

/** What the gate of one consumer is made of. */
export interface InboxGateOptions {
  readonly inbox: Inbox;
  readonly consumer: string;
  readonly clock: Clock;
  /** Begins every token of this gate; unique among all instances. */
  readonly tokenPrefix: string;
  /** The store stopped answering, or (with `null`) answers again. */
  readonly onAvailability: (error: unknown) => void;
}

/** What asks: a delivery. */
export interface Asker {
  /** True when delivery or consumer ended: the gate gives up waiting. */
  readonly isOver: boolean;
  /** Aborted when the consumer is stopped hard. */
  readonly signal: AbortSignal;
}

/** How a copy passes the inbox. `lost`: neither claimed nor settled, because the delivery or the consumer ended. */
export type Passage = Exclude<ClaimOutcome, 'busy'> | 'lost';

/** A conditional write. */
export type Mark = 'markDone' | 'release' | 'markBurying' | 'markDead';

/**
 * Takes one consumer's copies through the inbox. While someone else holds a claim, or the store does not answer, the
 * copy waits in its lane and nothing is let go of. Stores that answer at once are answered for at once.
 */
export class InboxGate {
  readonly #options: InboxGateOptions;
  #isDown = false;
  #tokens = 0;

  constructor(options: InboxGateOptions) {
    this.#options = options;
  }

  /** Fresh per claim, never an instance's name: both legs of one instance see the same id. */
  newToken(): string {
    this.#tokens += 1;
    return `${this.#options.tokenPrefix}-${this.#tokens}`;
  }

  claim(copy: InboxCopy, token: string, asker: Asker): Awaitable<Passage> {
    const first = this.#ask('claim', copy, token);
    if (isThenable(first) || this.#isDown) return this.#claimLater(first, { copy, token }, asker);
    const outcome = first[0];
    return outcome === 'busy' || outcome === undefined
      ? this.#claimLater(first, { copy, token }, asker)
      : outcome;
  }

  /** A conditional write; `false` if the claim was lost or the delivery ended first. */
  mark(what: Mark, copy: InboxCopy, { token, asker }: { token: string; asker: Asker }): Awaitable<boolean> {
    const first = this.#ask(what, copy, token);
    if (!isThenable(first) && !this.#isDown) return first[0] ?? false;
    return this.#untilAnswered(first, () => this.#ask(what, copy, token), asker).then(
      ([isOurs]) => isOurs ?? false,
    );
  }

  #ask<What extends Mark | 'claim'>(
    what: What,
    copy: InboxCopy,
    token: string,
  ): Awaitable<readonly (What extends 'claim' ? ClaimOutcome : boolean)[]> {
    const { inbox, consumer } = this.#options;
    try {
      return inbox[what](consumer, [copy], token) as readonly never[];
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #claimLater(
    first: Awaitable<readonly ClaimOutcome[]>,
    { copy, token }: { copy: InboxCopy; token: string },
    asker: Asker,
  ): Promise<Passage> {
    const ask = () => this.#ask('claim', copy, token);
    for (let answer = first, delayMs = BUSY_WAIT_MIN_MS; ; answer = ask()) {
      const [outcome] = await this.#untilAnswered(answer, ask, asker);
      if (outcome !== undefined && outcome !== 'busy') return outcome;
      if (asker.isOver) return 'lost';
      await wait(this.#options.clock, delayMs, asker.signal);
      if (asker.isOver) return 'lost';
      delayMs = Math.min(delayMs * 2, BUSY_WAIT_MAX_MS);
    }
  }

  /** Repeats until the store answers; an empty answer means that the delivery ended first. */
  async #untilAnswered<Answer>(
    first: Awaitable<readonly Answer[]>,
    ask: () => Awaitable<readonly Answer[]>,
    asker: Asker,
  ): Promise<readonly Answer[]> {
    for (let answer = first, delayMs = DOWN_WAIT_MIN_MS; ; answer = ask()) {
      try {
        const answers = await answer;
        this.#setDown(false, null);
        return answers;
      } catch (error) {
        this.#setDown(true, error);
        if (asker.isOver) return [];
        await wait(this.#options.clock, delayMs, asker.signal);
        if (asker.isOver) return [];
        delayMs = Math.min(delayMs * 2, DOWN_WAIT_MAX_MS);
      }
    }
  }

  #setDown(isDown: boolean, error: unknown): void {
    if (this.#isDown === isDown) return;
    this.#isDown = isDown;
    this.#options.onAvailability(error);
  }
}
