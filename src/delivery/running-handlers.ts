import type { Clock, Timer } from '../contract/clock.js';
import { BuscouplerError } from '../contract/errors.js';

/** A handler that runs: a cell of the list of those that have a deadline. */
export interface RunningHandler {
  readonly consumer: string;
  /** On `Clock.monotonicMs`. */
  readonly deadlineMs: number;
  /** Kept by the list. */
  list: RunningHandlers | null;
  previous: RunningHandler | null;
  next: RunningHandler | null;
  /** Ends it from outside. */
  interrupt(error: BuscouplerError): void;
}

/** How often deadlines are looked at, ms: a handler is given up at most this late. */
const SWEEP_MS = 50;

/**
 * The runs of one consumer that are under way, with one timer for the deadlines of all. The list is linked through the
 * runs, so that ending one costs no look-up.
 */
export class RunningHandlers {
  readonly #clock: Clock;
  #first: RunningHandler | null = null;
  #timer: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(run: RunningHandler): void {
    run.list = this;
    run.next = this.#first;
    if (this.#first !== null) this.#first.previous = run;
    this.#first = run;
    this.#timer ??= this.#clock.schedule(this.#sweep, SWEEP_MS);
  }

  remove(run: RunningHandler): void {
    if (run.previous === null) this.#first = run.next;
    else run.previous.next = run.next;
    if (run.next !== null) run.next.previous = run.previous;
    run.list = null;
    run.previous = null;
    run.next = null;
  }

  interruptAll(error: BuscouplerError): void {
    for (const run of this.#all()) run.interrupt(error);
  }

  /** A copy: ending one run may start another, which joins the list. */
  #all(): RunningHandler[] {
    const runs: RunningHandler[] = [];
    for (let run = this.#first; run !== null; run = run.next) runs.push(run);
    return runs;
  }

  readonly #sweep = (): void => {
    this.#timer = null;
    const now = this.#clock.monotonicMs();
    for (const run of this.#all()) {
      if (run.deadlineMs > now) continue;
      const what = `The handler of "${run.consumer}" did not end by its deadline.`;
      run.interrupt(new BuscouplerError('BC_HANDLER_TIMEOUT', what));
    }
    if (this.#first !== null) this.#timer ??= this.#clock.schedule(this.#sweep, SWEEP_MS);
  };
}
