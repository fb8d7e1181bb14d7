import type { Awaitable, InboxCopy } from '../contract/inbox.js';
import type { Asker, InboxGate, Mark, Passage } from './inbox-gate.js';

/** The claim of one delivery in the inbox. Every try to get it has a token of its own. */
export class Claim {
  readonly #gate: InboxGate;
  readonly #copy: InboxCopy;
  readonly #asker: Asker;
  #token = '';

  constructor(gate: InboxGate, copy: InboxCopy, asker: Asker) {
    this.#gate = gate;
    this.#copy = copy;
    this.#asker = asker;
  }

  /** Waits while someone else holds it. */
  take(): Awaitable<Passage> {
    this.#token = this.#gate.newToken();
    return this.#gate.claim(this.#copy, this.#token, this.#asker);
  }

  /**
   * A conditional write; `false` if the claim was lost, or the delivery ended before the store answered. `copy` may be a
   * later one: `release` raises the record to its attempt.
   */
  mark(what: Mark, copy: InboxCopy = this.#copy): Awaitable<boolean> {
    return this.#gate.mark(what, copy, { token: this.#token, asker: this.#asker });
  }
}
