import type { Awaitable, ClaimOutcome, InboxCopy, InboxTransaction } from '../contract/inbox.js';
import type { Asker, Claimant, Tell } from './bulk-asks.js';
import type { InboxGate, Mark, Passage } from './inbox-gate.js';

/** The claim of one delivery in the inbox. Every try to get it has a token of its own. */
export class Claim implements Claimant {
  /** Set by the gate. */
  token = '';
  readonly copy: InboxCopy;
  readonly #gate: InboxGate;
  readonly #asker: Asker;
  #isSettled = false;

  constructor(gate: InboxGate, copy: InboxCopy, asker: Asker) {
    this.#gate = gate;
    this.copy = copy;
    this.#asker = asker;
  }

  /** Waits while someone else holds it. */
  take(): Awaitable<Passage> {
    return this.#gate.claim(this, this.#asker);
  }

  /** Asks a store that is asked in bulk; `busy` if someone else holds it, `null` if the delivery ended first. */
  ask(tell: Tell<ClaimOutcome>): void {
    this.#gate.claimOnce(this, this.#asker, tell);
  }

  /**
   * A conditional write; `false` if the claim was lost, or the delivery ended before the store answered. `copy` may be a
   * later one: `release` raises the record to its attempt.
   */
  mark(what: Mark, copy: InboxCopy = this.copy): Awaitable<boolean> {
    if (this.#isSettled) return what === 'markDone';
    const claimant = copy === this.copy ? this : { copy, token: this.token };
    return this.#gate.mark(what, claimant, this.#asker);
  }

  /** Marks the message as done: at once (`true`, `false`), or `tell` has it later; only `true` is a success. */
  markDone(tell: Tell<boolean>): boolean | null {
    if (this.#isSettled) return true;
    if (this.#gate.isBulk) this.#gate.markDone(this, this.#asker, tell);
    else {
      const isOurs = this.#gate.mark('markDone', this, this.#asker);
      if (typeof isOurs === 'boolean') return isOurs;
      void isOurs.then(tell);
    }
    return null;
  }

  /** The record is `done` already, by a transaction or by somebody else: marking it is no call any more. */
  wasSettled(): void {
    this.#isSettled = true;
  }

  /** Opens a transaction that settles it; `null`: the claim was lost; `lost`: the delivery ended first. */
  begin(): Promise<InboxTransaction | null | 'lost'> {
    return this.#gate.begin(this, this.#asker);
  }

  /** True if the store undid a transaction for a reason of its own. */
  isTransient(error: unknown): boolean {
    return this.#gate.isTransient(error);
  }
}
