import type { PublishOutcome, PublishTicket } from '../../contract/broker.js';
import type { Clock, Timer } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { PublishBounds } from '../../contract/settings.js';
import type { Connection } from './connection.js';
import { failedOutcome } from './failed-outcome.js';
import type { Faults, PlantedFault } from './faults.js';
import type { Gate } from './gate.js';
import { messageSize } from './message-size.js';
import { Ring } from './ring.js';
import type { Route } from './route.js';
import { Transit } from './transit.js';
import type { Turns, TurnTask } from './turns.js';

/** One ticket on its way. */
class Sending {
  readonly ticket: PublishTicket;
  readonly route: Route;
  readonly bytes: number;
  isTravelling = false;
  /** An earlier try left and was not answered: it may have been stored. */
  isRepeated = false;

  constructor(ticket: PublishTicket, route: Route, bytes: number) {
    this.ticket = ticket;
    this.route = route;
    this.bytes = bytes;
  }
}

/** What a publish queue is made of. */
export interface PublishQueueParts {
  readonly bounds: PublishBounds;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly connection: Connection;
  readonly gate: Gate;
  readonly faults: Faults;
}

/** That this try stored nothing says nothing about the one before. */
const afterRepeat = (outcome: PublishOutcome): PublishOutcome =>
  outcome.status === 'failed' ? { status: 'uncertain', error: outcome.error } : outcome;

/** How often tickets that their owner settled are looked for while the broker does not answer. */
const SWEEP_MS = 100;

/**
 * All publishes of one client, in order: waiting for the connection, in flight, answered. What is in flight when the
 * connection is lost is sent again, before everything that waits.
 */
export class PublishQueue implements TurnTask {
  isQueued = false;
  readonly #parts: PublishQueueParts;
  readonly #waiting = new Ring<Sending>();
  /** Sent and unanswered: only faults keep anything here. In the order of sending. */
  readonly #inFlight = new Set<Sending>();
  /** Sent and not yet arrived, a part of those in flight. */
  readonly #transit: Transit;
  readonly #refused = new Ring<{ ticket: PublishTicket; outcome: PublishOutcome }>();
  #bytes = 0;
  #sweepTimer: Timer | null = null;
  #isClosing = false;
  #whenEmpty: (() => void) | null = null;

  constructor(parts: PublishQueueParts) {
    this.#parts = parts;
    this.#transit = new Transit(parts.clock);
  }

  /** Taken and not settled. */
  get pending(): number {
    return this.#waiting.size + this.#inFlight.size;
  }

  publish(ticket: PublishTicket, route: Route): void {
    const bytes = messageSize(ticket.message);
    const refusal = this.#refusal(bytes);
    if (refusal === null) {
      this.#bytes += bytes;
      this.#waiting.push(new Sending(ticket, route, bytes));
    } else {
      this.#refused.push({ ticket, outcome: refusal });
    }
    if (!this.isQueued) this.#parts.turns.queue(this);
  }

  #refusal(bytes: number): PublishOutcome | null {
    const { maxInFlight, maxWaiting, maxBytes } = this.#parts.bounds;
    if (this.#isClosing) return failedOutcome('BC_LIFECYCLE', 'The broker is closed.');
    if (this.pending >= maxInFlight + maxWaiting) {
      return failedOutcome('BC_PUBLISH_OVERFLOW', `${this.pending} publishes wait for the broker already.`);
    }
    if (this.#bytes + bytes > maxBytes) {
      return failedOutcome(
        'BC_PUBLISH_OVERFLOW',
        `Publishes of ${this.#bytes} bytes wait for the broker already.`,
      );
    }
    return null;
  }

  run(limit: number): number {
    const done = this.#settleRefused() + this.#send(limit);
    if (this.pending === 0) this.#whenEmpty?.();
    else if (this.#canSend) this.#parts.turns.queue(this);
    else this.#sweepTimer ??= this.#parts.clock.schedule(() => this.#sweep(), SWEEP_MS);
    return done;
  }

  /** The connection is there, or takes publishes again. */
  resume(): void {
    this.#parts.turns.queue(this);
  }

  /** What was sent and not answered waits again, at the front and in its order. */
  connectionLost(): void {
    this.#transit.clear();
    const unanswered = [...this.#inFlight].reverse();
    this.#inFlight.clear();
    // Fresh objects: a late answer to the first try must not settle the second.
    for (const { ticket, route, bytes } of unanswered) {
      this.#waiting.unshift(new Sending(ticket, route, bytes));
    }
    if (this.pending > 0) this.#parts.turns.queue(this);
  }

  /** Takes no more, waits until everything is answered, and at the deadline (from now on, ms) settles the rest. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosing = true;
    if (this.pending > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#parts.clock.schedule(resolve, deadlineMs, { keepAlive: true });
        this.#whenEmpty = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#whenEmpty = null;
    this.#sweepTimer?.cancel();
    this.#transit.clear();
    this.#abandonAll();
  }

  #abandonAll(): void {
    for (const { ticket } of [...this.#inFlight, ...this.#waiting.toArray()]) {
      const error = new BuscouplerError('BC_LIFECYCLE', 'The broker was closed before it answered.');
      ticket.settle({ status: ticket.wasSent ? 'uncertain' : 'failed', error });
    }
    this.#inFlight.clear();
    this.#waiting.clear();
    this.#bytes = 0;
  }

  #settleRefused(): number {
    let done = 0;
    for (let one = this.#refused.shift(); one !== undefined; one = this.#refused.shift()) {
      one.ticket.settle(one.outcome);
      done += 1;
    }
    return done;
  }

  get #canSend(): boolean {
    const { connection, gate, bounds } = this.#parts;
    return (
      connection.isUp &&
      gate.blockedReason === null &&
      this.#waiting.size > 0 &&
      this.#inFlight.size < bounds.maxInFlight
    );
  }

  #send(limit: number): number {
    const { faults, gate } = this.#parts;
    let done = 0;
    if (gate.blockedReason !== null && this.#waiting.size > 0) gate.heldBack += 1;
    while (done < limit && this.#canSend) {
      const sending = this.#waiting.shift() as Sending;
      done += 1;
      const { ticket, route, bytes } = sending;
      if (ticket.isSettled) {
        this.#bytes -= bytes;
        continue;
      }
      sending.isRepeated = ticket.wasSent;
      ticket.wasSent = true;
      if (faults.isArmed || this.#transit.size > 0) {
        this.#sendThroughFaults(sending);
        continue;
      }
      const outcome = route.store(ticket.message, bytes);
      this.#bytes -= bytes;
      ticket.settle(sending.isRepeated ? afterRepeat(outcome) : outcome);
    }
    return done;
  }

  #sendThroughFaults(sending: Sending): void {
    const fault = this.#parts.faults.meet(sending.route.place, sending.ticket.message);
    this.#inFlight.add(sending);
    if (fault?.kind === 'delay' || this.#transit.size > 0) this.#travel(sending, fault);
    else this.#arrive(sending, fault);
  }

  /** Behind one that is late everything is. */
  #travel(sending: Sending, fault: PlantedFault | null): void {
    sending.isTravelling = true;
    const isLate = fault?.kind === 'delay';
    this.#transit.send(isLate ? fault.delayMs : 0, () => {
      sending.isTravelling = false;
      this.#arrive(sending, isLate ? null : fault);
    });
  }

  #arrive(sending: Sending, fault: PlantedFault | null): void {
    if (fault?.kind === 'refuse') {
      this.#answer(sending, failedOutcome('BC_PUBLISH_REFUSED', 'The embedded broker refused the message.'));
      return;
    }
    const outcome = sending.route.store(sending.ticket.message, sending.bytes);
    if (fault?.kind === 'lose-reply') return;
    if (fault?.kind === 'hold-reply') fault.hold(() => this.#answer(sending, outcome));
    else this.#answer(sending, outcome);
  }

  #answer(sending: Sending, outcome: PublishOutcome): void {
    if (!this.#inFlight.delete(sending)) return;
    this.#bytes -= sending.bytes;
    sending.ticket.settle(sending.isRepeated ? afterRepeat(outcome) : outcome);
    this.#parts.turns.queue(this);
  }

  /** Lets go of tickets that their owner settled (deadline, abort). */
  #sweep(): void {
    this.#sweepTimer = null;
    for (const sending of this.#inFlight) {
      // In transit it stays: it left, and arrives whether or not anyone waits for the answer.
      if (sending.ticket.isSettled && !sending.isTravelling) this.#forget(sending);
    }
    const waiting = this.#waiting.toArray();
    if (waiting.some((sending) => sending.ticket.isSettled)) {
      this.#waiting.clear();
      for (const sending of waiting) {
        if (sending.ticket.isSettled) this.#bytes -= sending.bytes;
        else this.#waiting.push(sending);
      }
    }
    this.#parts.turns.queue(this);
  }

  #forget(sending: Sending): void {
    this.#inFlight.delete(sending);
    this.#bytes -= sending.bytes;
  }
}
