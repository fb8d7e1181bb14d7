import type { Clock } from '../contract/clock.js';
import type { InboxCopy } from '../contract/inbox.js';
import { wait } from './backoff.js';

/** Pauses between two tries at a store that does not answer, ms. */
export const DOWN_WAIT_MIN_MS = 100;
export const DOWN_WAIT_MAX_MS = 10_000;

/**
 * Bulks of one kind on their way at a time. A call costs as much as some fifty of its messages: the next one follows when none
 * is on its way, when half a bulk has gathered, or with what could not go in the same call.
 */
const IN_FLIGHT_MAX = 4;

/** What asks: a delivery. */
export interface Asker {
  /** True when delivery or consumer ended: nobody waits for the answer any more. */
  readonly isOver: boolean;
  /** Aborted when the consumer is stopped hard. */
  readonly signal: AbortSignal;
}

/** A copy whose claim is ours, or will be: a bulk of claims writes its token there before it is sent. */
export interface Claimant {
  readonly copy: InboxCopy;
  token: string;
}

/** One copy that waits for an answer. */
interface Ask<Answer> {
  readonly claimant: Claimant;
  readonly asker: Asker;
  readonly tell: Tell<Answer>;
}

/** Takes an answer; `null`: the delivery ended before the store answered. It does not throw. */
export type Tell<Answer> = (answer: Answer | null) => void;

/** What asking in bulk needs. */
export interface BulkAsksOptions<Answer> {
  /** Most copies in one call. */
  readonly size: number;
  readonly call: (claimants: readonly Claimant[]) => PromiseLike<readonly Answer[]> | readonly Answer[];
  /** Makes the token of a bulk of claims; absent: those who ask have one. */
  readonly newToken?: () => string;
  readonly clock: Clock;
  /** The store stopped answering, or (with `null`) answered. */
  readonly onAnswer: (error: unknown) => void;
}

/**
 * Asks a store that answers later. What is asked for in one turn of the event loop, or while calls are on their way, goes
 * in one call. A call that fails is repeated as it was, with its tokens, for those who still wait.
 */
export class BulkAsks<Answer> {
  readonly #options: BulkAsksOptions<Answer>;
  #queue: Ask<Answer>[] = [];
  #inFlight = 0;
  #isScheduled = false;
  /** The last call left some behind: a second copy of a message, or too many. */
  #isLeftOver = false;

  constructor(options: BulkAsksOptions<Answer>) {
    this.#options = options;
  }

  /** Resolves with `null` if the delivery ended before the store answered; never rejects. */
  ask(claimant: Claimant, asker: Asker): Promise<Answer | null> {
    return new Promise((resolve) => this.askFor({ claimant, asker, tell: resolve }));
  }

  /** The same without a promise, for what every message passes. */
  askFor(ask: Ask<Answer>): void {
    this.#queue.push(ask);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#queue.length === 0 || !this.#hasRoom) return;
    this.#isScheduled = true;
    // Not a microtask: handlers that end in the same turn, each after some promises of its own, go together.
    setImmediate(this.#flush);
  }

  get #hasRoom(): boolean {
    if (this.#inFlight === 0) return true;
    const isWorthACall = this.#isLeftOver || this.#queue.length >= this.#options.size / 2;
    return isWorthACall && this.#inFlight < IN_FLIGHT_MAX;
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    const { newToken } = this.#options;
    const asks = newToken === undefined ? this.#take(() => true) : this.#takeDistinct(newToken());
    this.#inFlight += 1;
    void this.#send(asks).then(() => {
      this.#inFlight -= 1;
      this.#schedule();
    });
    this.#schedule();
  };

  /** Never two copies of one message in a bulk: under one token both would own it. Their generations do not matter. */
  #takeDistinct(token: string): Ask<Answer>[] {
    const ids = new Set<string>();
    return this.#take(({ claimant }) => {
      const { id } = claimant.copy;
      if (ids.has(id)) return false;
      ids.add(id);
      claimant.token = token;
      return true;
    });
  }

  /** Up to a bulk of those that belong; the others stay, in order. */
  #take(belongs: (ask: Ask<Answer>) => boolean): Ask<Answer>[] {
    const queue = this.#queue;
    const taken: Ask<Answer>[] = [];
    const passed: Ask<Answer>[] = [];
    let at = 0;
    for (; at < queue.length && taken.length < this.#options.size; at += 1) {
      const ask = queue[at] as Ask<Answer>;
      (belongs(ask) ? taken : passed).push(ask);
    }
    this.#queue = passed.concat(queue.slice(at));
    this.#isLeftOver = this.#queue.length > 0;
    return taken;
  }

  async #send(first: readonly Ask<Answer>[]): Promise<void> {
    const { call, clock, onAnswer } = this.#options;
    let delayMs = DOWN_WAIT_MIN_MS;
    for (let asks = first; asks.length > 0; asks = dropEnded(asks)) {
      const answers = await this.#try(() => call(asks.map(({ claimant }) => claimant)));
      if (answers !== null) {
        onAnswer(null);
        asks.forEach(({ tell }, place) => void tell(answers[place] ?? null));
        return;
      }
      asks = dropEnded(asks);
      if (asks.length > 0) await wait(clock, delayMs, asks[0]?.asker.signal);
      delayMs = Math.min(delayMs * 2, DOWN_WAIT_MAX_MS);
    }
  }

  async #try(call: () => PromiseLike<readonly Answer[]> | readonly Answer[]) {
    try {
      return await call();
    } catch (error) {
      this.#options.onAnswer(error);
      return null;
    }
  }
}

/** Those who still wait; the others are told that nobody will answer. */
function dropEnded<Answer>(asks: readonly Ask<Answer>[]): readonly Ask<Answer>[] {
  const ended = asks.filter(({ asker }) => asker.isOver);
  for (const { tell } of ended) tell(null);
  return ended.length === 0 ? asks : asks.filter(({ asker }) => !asker.isOver);
}
