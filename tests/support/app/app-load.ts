import { setTimeout as delay } from 'node:timers/promises';
import type { CreditsMessage } from '../../../src/modules/credits-process/credits-process.schema.js';
import type { CreditsHistory } from '../credits/reference.js';
import { askAt } from './ask.js';

const USERS = 25;
const CALLERS = 4;
const CREDIT = 1_000_000_000;
/** Between two rounds of a caller, and before it repeats what was not taken. */
const PAUSE_MS = 50;

/** One request of the API. */
interface Call {
  readonly path: string;
  readonly id: string;
  readonly body: unknown;
}

/** Callers that use the server as clients do: what is not taken is repeated with its key until it is. */
export class AppLoad {
  readonly #address: () => string;
  readonly #starts: CreditsMessage[] = [];
  readonly #ends: CreditsMessage[] = [];
  readonly #usage: string[] = [];
  readonly #topUps: { id: string; user: string; amount: number }[] = [];
  #next = 0;
  #taken = 0;
  #isOver = false;
  #isAbandoned = false;
  #callers: Promise<unknown> = Promise.resolve();

  constructor(address: () => string) {
    this.#address = address;
  }

  /** Calls that the server took. */
  get taken(): number {
    return this.#taken;
  }

  /** Ids of usage events that were taken. */
  get usage(): readonly string[] {
    return this.#usage;
  }

  /** What balances must come of. */
  get history(): CreditsHistory {
    return { topUps: this.#topUps, starts: this.#starts, ends: this.#ends };
  }

  /** Gives every user credit, then calls until `stop`. */
  async start(): Promise<void> {
    for (let user = 0; user < USERS; user += 1) {
      const topUp = { id: `payment-${user}`, user: `user-${user}`, amount: CREDIT };
      await this.#send({ path: '/credits/top-up', id: topUp.id, body: topUp });
      this.#topUps.push(topUp);
    }
    this.#callers = Promise.all(Array.from({ length: CALLERS }, () => this.#call()));
  }

  /** Resolves when so many more were taken. */
  async more(calls: number): Promise<void> {
    const wanted = this.#taken + calls;
    while (this.#taken < wanted) await delay(PAUSE_MS);
  }

  /** Ends the callers where they are: the test has failed. */
  abandon(): void {
    this.#isOver = true;
    this.#isAbandoned = true;
  }

  /** Resolves when all that was begun is taken. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#callers;
  }

  async #call(): Promise<void> {
    while (!this.#isOver) {
      this.#next += 1;
      const n = this.#next;
      const user = `user-${n % USERS}`;
      const email = `${user}@example.com`;
      const usage = { feature_endpoint: 'chat', user, email, request_id: `r${n}` };
      await this.#send({ path: '/usage', id: `usage-${n}`, body: usage });
      this.#usage.push(`usage-${n}`);
      const request = { kind: 'single', request: `r${n}`, user, model: 'small' } as const;
      const start: CreditsMessage = { ...request, units: 10 + (n % 7), price: 3 };
      const end: CreditsMessage = { ...request, units: n % 11, price: 3 };
      // Every third end comes first.
      const both = [() => this.#credit('start', start), () => this.#credit('end', end)];
      for (const send of n % 3 === 0 ? both.reverse() : both) await send();
      const registration = { user: `new-${n}`, email, time: '2026-11-25T10:00:00Z' };
      await this.#send({ path: '/registrations', id: `registration-${n}`, body: registration });
      await delay(PAUSE_MS);
    }
  }

  async #credit(kind: 'start' | 'end', message: CreditsMessage): Promise<void> {
    await this.#send({ path: `/credits/${kind}`, id: `${kind}-${message.request}`, body: message });
    (kind === 'start' ? this.#starts : this.#ends).push(message);
  }

  async #send({ path, id, body }: Call): Promise<void> {
    while (!this.#isAbandoned) {
      const answer = await askAt(this.#address())
        .post(path, body, { 'idempotency-key': id })
        .catch(() => null);
      if (answer !== null && answer.status < 300) break;
      if (answer !== null && answer.status < 500)
        throw new Error(`${path} refused ${id}: ${JSON.stringify(answer.body)}`);
      await delay(PAUSE_MS);
    }
    this.#taken += 1;
  }
}
