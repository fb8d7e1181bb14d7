import type { Clock } from '../contract/clock.js';
import type { Awaitable, ClaimOutcome, Inbox, InboxTransaction } from '../contract/inbox.js';
import { isThenable } from '../messages/thenable.js';
import { wait } from './backoff.js';
import {
  type Asker,
  BulkAsks,
  type Claimant,
  DOWN_WAIT_MAX_MS,
  DOWN_WAIT_MIN_MS,
  type Tell,
} from './bulk-asks.js';

/** Pauses between two looks at a claim of somebody else's, ms. */
export const BUSY_WAIT_MIN_MS = 10;
export const BUSY_WAIT_MAX_MS = 1_000;

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

/** How a copy passes the inbox. `lost`: neither claimed nor settled, because the delivery or the consumer ended. */
export type Passage = Exclude<ClaimOutcome, 'busy'> | 'lost';

/** A conditional write. */
export type Mark = 'markDone' | 'release' | 'markBurying' | 'markDead';

/** The calls of a store that is asked in bulk. */
interface Bulks {
  readonly claim: BulkAsks<ClaimOutcome>;
  readonly marks: Readonly<Record<Mark, BulkAsks<boolean>>>;
}

/**
 * Takes one consumer's copies through the inbox. While someone else holds a claim, or the store does not answer, the
 * copy waits in its lane and nothing is let go of. Stores that answer at once are answered for at once;
 * those that say so are asked in bulk.
 */
export class InboxGate {
  readonly #options: InboxGateOptions;
  readonly #bulks: Bulks | null;
  #isDown = false;
  #tokens = 0;

  constructor(options: InboxGateOptions) {
    this.#options = options;
    this.#bulks = options.inbox.bulkSize === undefined ? null : this.#openBulks(options.inbox.bulkSize);
  }

  #openBulks(size: number): Bulks {
    const { inbox, consumer, clock } = this.#options;
    const shared = {
      size,
      clock,
      onAnswer: (error: unknown) => this.#setDown(error !== null, error),
    };
    const mark = (what: Mark) =>
      new BulkAsks<boolean>({ ...shared, call: (claimants) => inbox[what](consumer, claimants) });
    return {
      claim: new BulkAsks({
        ...shared,
        newToken: () => this.#newToken(),
        call: (claimants) => {
          const copies = claimants.map(({ copy }) => copy);
          return inbox.claim(consumer, copies, claimants[0]?.token ?? '');
        },
      }),
      marks: {
        markDone: mark('markDone'),
        release: mark('release'),
        markBurying: mark('markBurying'),
        markDead: mark('markDead'),
      },
    };
  }

  /** True if the store answers later, many at a time. */
  get isBulk(): boolean {
    return this.#bulks !== null;
  }

  /** True while the store does not answer. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Fresh per claim, never an instance's name: both legs of one instance see the same id. */
  #newToken(): string {
    this.#tokens += 1;
    return `${this.#options.tokenPrefix}-${this.#tokens}`;
  }

  claim(claimant: Claimant, asker: Asker): Awaitable<Passage> {
    if (this.#bulks !== null) return this.#claimInBulk(this.#bulks.claim, claimant, asker);
    claimant.token = this.#newToken();
    const first = this.#claimAlone(claimant);
    if (isThenable(first) || this.#isDown) return this.#claimLater(first, claimant, asker);
    const outcome = first[0];
    return outcome === 'busy' || outcome === undefined ? this.#claimLater(first, claimant, asker) : outcome;
  }

  /** Asks a store that is asked in bulk for a claim; `busy` is not waited for. */
  claimOnce(claimant: Claimant, asker: Asker, tell: Tell<ClaimOutcome>): void {
    this.#bulks?.claim.askFor({ claimant, asker, tell });
  }

  /** Marks a record of a store that is asked in bulk as done; not `true`: as `mark` has it. */
  markDone(claimant: Claimant, asker: Asker, tell: Tell<boolean>): void {
    this.#bulks?.marks.markDone.askFor({ claimant, asker, tell });
  }

  /** A conditional write; `false` if the claim was lost or the delivery ended first. */
  mark(what: Mark, claimant: Claimant, asker: Asker): Awaitable<boolean> {
    if (this.#bulks !== null)
      return this.#bulks.marks[what].ask(claimant, asker).then((isOurs) => isOurs ?? false);
    const first = this.#markAlone(what, claimant);
    if (!isThenable(first) && !this.#isDown) return first[0] ?? false;
    return this.#untilAnswered(first, () => this.#markAlone(what, claimant), asker).then(
      ([isOurs]) => isOurs ?? false,
    );
  }

  /** Opens a transaction that settles the claim, as soon as the store answers. `null`: the claim was lost. */
  async begin(claimant: Claimant, asker: Asker): Promise<InboxTransaction | null | 'lost'> {
    const { inbox, consumer } = this.#options;
    const { copy, token } = claimant;
    for (let delayMs = DOWN_WAIT_MIN_MS; ; delayMs = Math.min(delayMs * 2, DOWN_WAIT_MAX_MS)) {
      try {
        const transaction = (await inbox.transactions?.begin(consumer, copy, token)) ?? null;
        this.#setDown(false, null);
        return transaction;
      } catch (error) {
        if (!this.isTransient(error)) this.#setDown(true, error);
        if (!(await this.pause(delayMs, asker))) return 'lost';
      }
    }
  }

  isTransient(error: unknown): boolean {
    return this.#options.inbox.transactions?.isTransient(error) ?? false;
  }

  #claimAlone({ copy, token }: Claimant): Awaitable<readonly ClaimOutcome[]> {
    const { inbox, consumer } = this.#options;
    try {
      return inbox.claim(consumer, [copy], token);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #markAlone(what: Mark, claimant: Claimant): Awaitable<readonly boolean[]> {
    const { inbox, consumer } = this.#options;
    try {
      return inbox[what](consumer, [claimant]);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #claimLater(
    first: Awaitable<readonly ClaimOutcome[]>,
    claimant: Claimant,
    asker: Asker,
  ): Promise<Passage> {
    const ask = () => this.#claimAlone(claimant);
    for (let answer = first, delayMs = BUSY_WAIT_MIN_MS; ; answer = ask()) {
      const [outcome] = await this.#untilAnswered(answer, ask, asker);
      if (outcome !== undefined && outcome !== 'busy') return outcome;
      if (!(await this.pause(delayMs, asker))) return 'lost';
      delayMs = Math.min(delayMs * 2, BUSY_WAIT_MAX_MS);
    }
  }

  async #claimInBulk(claims: BulkAsks<ClaimOutcome>, claimant: Claimant, asker: Asker): Promise<Passage> {
    for (let delayMs = BUSY_WAIT_MIN_MS; ; delayMs = Math.min(delayMs * 2, BUSY_WAIT_MAX_MS)) {
      const outcome = await claims.ask(claimant, asker);
      if (outcome !== null && outcome !== 'busy') return outcome;
      if (!(await this.pause(delayMs, asker))) return 'lost';
    }
  }

  /** Waits for so many ms; false if the delivery ended meanwhile. */
  async pause(delayMs: number, asker: Asker): Promise<boolean> {
    if (asker.isOver) return false;
    await wait(this.#options.clock, delayMs, asker.signal);
    return !asker.isOver;
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
