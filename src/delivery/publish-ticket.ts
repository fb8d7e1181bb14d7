import type { PublishOutcome, PublishTicket } from '../contract/broker.js';
import type { Clock, Timer } from '../contract/clock.js';
import { BuscouplerError } from '../contract/errors.js';
import type { OutgoingMessage } from '../contract/message.js';

/** Told once how a ticket ended. */
export interface TicketOwner {
  /** True while a caller waits for the end; absent for copies that nobody waits for. */
  readonly isAwaited?: boolean;
  ticketSettled(ticket: Ticket, outcome: PublishOutcome): void;
}

/** One message on its way to one broker, and a cell of the list of those that have a deadline. */
export class Ticket implements PublishTicket {
  readonly message: OutgoingMessage;
  readonly deadlineMs: number;
  readonly owner: TicketOwner;
  /** Which of the owner's tickets this is. */
  readonly index: number;
  wasSent = false;
  isSettled = false;
  book: TicketBook | null = null;
  previous: Ticket | null = null;
  next: Ticket | null = null;

  constructor(message: OutgoingMessage, deadlineMs: number, owner: TicketOwner, index = 0) {
    this.message = message;
    this.deadlineMs = deadlineMs;
    this.owner = owner;
    this.index = index;
  }

  settle(outcome: PublishOutcome): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.book?.remove(this);
    this.owner.ticketSettled(this, outcome);
  }

  /** Ends it for a reason of the owner's: `uncertain` if it left, else `failed`. */
  abandon(code: 'BC_PUBLISH_TIMEOUT' | 'BC_PUBLISH_ABORTED' | 'BC_LIFECYCLE', what: string): void {
    const error = new BuscouplerError(code, what);
    this.settle({ status: this.wasSent ? 'uncertain' : 'failed', error });
  }
}

/** How often deadlines are looked at, ms: a ticket ends at most this late. */
const SWEEP_MS = 50;

/**
 * Every unsettled ticket, in order of arrival, with one timer for the deadlines of all: a timer per message costs more
 * than the message. The list is linked through the tickets, so that settling costs no look-up.
 */
export class TicketBook {
  readonly #clock: Clock;
  #first: Ticket | null = null;
  #last: Ticket | null = null;
  #size = 0;
  #timer: Timer | null = null;
  readonly #onEmpty: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Unsettled tickets. */
  get size(): number {
    return this.#size;
  }

  add(ticket: Ticket): void {
    ticket.book = this;
    ticket.previous = this.#last;
    if (this.#last === null) this.#first = ticket;
    else this.#last.next = ticket;
    this.#last = ticket;
    this.#size += 1;
    this.#timer ??= this.#clock.schedule(() => this.#sweep(), SWEEP_MS);
  }

  remove(ticket: Ticket): void {
    if (ticket.previous === null) this.#first = ticket.next;
    else ticket.previous.next = ticket.next;
    if (ticket.next === null) this.#last = ticket.previous;
    else ticket.next.previous = ticket.previous;
    ticket.book = null;
    ticket.previous = null;
    ticket.next = null;
    this.#size -= 1;
    if (this.#size === 0 && this.#onEmpty.length > 0) for (const tell of this.#onEmpty.splice(0)) tell();
  }

  /** Resolves when every ticket is settled, or after `timeoutMs`. */
  untilEmpty(timeoutMs: number): Promise<void> {
    if (this.#size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.schedule(resolve, timeoutMs, { keepAlive: true });
      this.#onEmpty.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Ends every ticket that is left; returns how many publishes that were, of those that a caller waits for. */
  abandonAll(code: 'BC_LIFECYCLE', what: string): number {
    const publishes = new Set<TicketOwner>();
    for (let ticket = this.#first; ticket !== null; ticket = this.#first) {
      if (ticket.owner.isAwaited) publishes.add(ticket.owner);
      ticket.abandon(code, what);
    }
    return publishes.size;
  }

  #sweep(): void {
    this.#timer = null;
    const now = this.#clock.monotonicMs();
    for (let ticket = this.#first; ticket !== null; ) {
      const next = ticket.next;
      if (ticket.deadlineMs <= now)
        ticket.abandon('BC_PUBLISH_TIMEOUT', 'The broker did not answer in time.');
      ticket = next;
    }
    if (this.#size > 0) this.#timer = this.#clock.schedule(() => this.#sweep(), SWEEP_MS);
  }
}
