import type { InboxCopy } from '../contract/inbox.js';
import { Claim } from './claim.js';
import type { AheadOfTurn } from './claims-ahead.js';
import { BUSY_WAIT_MAX_MS, BUSY_WAIT_MIN_MS, type InboxGate, type Passage } from './inbox-gate.js';
import type { Stint, StintWork } from './stint.js';

/** The delivery that enters. None of its methods throws. */
export interface Entrant extends StintWork {
  readonly signal: AbortSignal;
  readonly copy: InboxCopy;
  claim: Claim | null;
  /** Its turn has come, and it has its claim. */
  runClaimed(): void;
  /** Its turn has come, and it has no claim to run with. */
  passWith(passage: Passage): void;
  /** A defect of ours. */
  failInside(error: unknown): void;
}

/**
 * How one delivery passes an inbox that is asked in bulk: it asks without a place to run in, and waits for one once it is
 * claimed. While the one before it of its key runs it can ask already; then the answer waits for its turn.
 */
export class BulkEntry implements AheadOfTurn {
  isLetIn = false;
  readonly #gate: InboxGate;
  readonly #stint: Stint;
  readonly #work: Entrant;
  #state: 'new' | 'asking' | 'claimed' | 'refused' = 'new';
  /** Its turn has come, and its place is given up until the answer is there. */
  #isDue = false;
  #refusal: Passage = 'lost';
  #busyMs = BUSY_WAIT_MIN_MS;

  constructor(gate: InboxGate, stint: Stint, work: Entrant) {
    this.#gate = gate;
    this.#stint = stint;
    this.#work = work;
  }

  get sequence(): number {
    return this.#work.sequence;
  }

  get isOver(): boolean {
    return this.#work.isOver;
  }

  /** Its turn has come and nobody asked yet. */
  ask(): void {
    this.#work.claim = new Claim(this.#gate, this.#work.copy, this.#work);
    this.#state = 'asking';
    this.#awaitAnswer(); // a place is for what can run
    this.#stint.ahead.enter(this);
  }

  /** The one before it of its key runs. */
  askBehind(): void {
    this.#work.claim = new Claim(this.#gate, this.#work.copy, this.#work);
    this.#state = 'asking';
    this.#stint.ahead.enterBehind(this);
  }

  askForClaim(): void {
    const { claim } = this.#work;
    if (this.isOver || claim === null) this.#answered('lost');
    else claim.ask((outcome) => this.#answered(outcome ?? 'lost'));
  }

  /** Its turn has come: true if there is nothing left for the delivery to do, false if it begins anew. */
  takeTurn(): boolean {
    const state = this.#state;
    if (state === 'asking') this.#awaitAnswer();
    else this.#state = 'new';
    if (state === 'refused') this.#work.passWith(this.#refusal);
    if (state !== 'claimed') return state !== 'new';
    // Nothing is started that the store may have given to somebody else by now.
    const isGood = this.#stint.ahead.takeTurn(this, this.#gate.isDown);
    if (isGood) this.#work.runClaimed();
    return isGood;
  }

  giveBack(): void {
    void this.#work.claim?.mark('release');
    this.#forget();
  }

  #forget(): void {
    this.#state = 'new';
    this.#work.claim = null;
  }

  #awaitAnswer(): void {
    this.#isDue = true;
    this.#stint.lanes.setAside(this.#work);
  }

  #answered(passage: Passage | 'busy'): void {
    try {
      if (passage === 'busy' && this.#isDue) this.#askAgain();
      else this.#take(passage);
    } catch (error) {
      this.#work.failInside(error);
    }
  }

  /** Someone else has it; its lane waits. */
  #askAgain(): void {
    const again = (): void => this.askForClaim();
    void this.#gate.pause(this.#busyMs, this.#work).then(again);
    this.#busyMs = Math.min(this.#busyMs * 2, BUSY_WAIT_MAX_MS);
  }

  #take(passage: Passage | 'busy'): void {
    const { ahead, lanes } = this.#stint;
    const isDue = this.#isDue;
    this.#isDue = false;
    if (passage === 'claimed' && !this.isOver) {
      this.#state = 'claimed';
      ahead.awaitTurn(this);
      if (isDue) lanes.takeUp(this.#work);
      return;
    }
    ahead.leave(this);
    if (isDue) this.#work.passWith(passage as Passage);
    else if (passage === 'claimed') this.giveBack();
    else if (passage === 'busy') this.#forget();
    else this.#refuse(passage);
  }

  #refuse(passage: Passage): void {
    this.#refusal = passage;
    this.#state = 'refused';
  }
}
