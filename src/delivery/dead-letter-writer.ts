import { type Delivery, type Publisher, type PublishOutcome, STORED } from '../contract/broker.js';
import type { Clock, Random } from '../contract/clock.js';
import type { BuscouplerError } from '../contract/errors.js';
import type { OutgoingMessage } from '../contract/message.js';
import { backoffDelayMs, wait } from './backoff.js';
import { Ticket, type TicketBook, type TicketOwner } from './publish-ticket.js';

/** Deadline of one try to store a copy, ms. */
const STORE_TIMEOUT_MS = 10_000;

const BACKOFF = { initialMs: 500, factor: 2, maxMs: 30_000, jitter: 0.2 };

/** Publishes one message and resolves with the outcome; never rejects. */
export function publishOnce(
  publisher: Publisher,
  message: OutgoingMessage,
  { clock, book }: { clock: Clock; book: TicketBook },
): Promise<PublishOutcome> {
  return new Promise((resolve) => {
    const owner: TicketOwner = { ticketSettled: (_, outcome) => resolve(outcome) };
    const ticket = new Ticket(message, clock.monotonicMs() + STORE_TIMEOUT_MS, owner);
    book.add(ticket);
    publisher.publish(ticket);
  });
}

/** What storing a dead letter needs. */
export interface DeadLetterWriting {
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly random: Random;
  readonly book: TicketBook;
  /** Ends the tries when the consumer is stopped hard. */
  readonly signal: AbortSignal;
  readonly onFailure: (error: BuscouplerError) => void;
}

/**
 * Stores the copy, trying again with backoff for as long as the original is ours; true if it is stored. An uncertain
 * try is repeated with the same id: better twice in the dead letters than not at all.
 */
export async function storeDeadLetter(
  delivery: Delivery,
  copy: OutgoingMessage,
  writing: DeadLetterWriting,
): Promise<boolean> {
  for (let attempt = 1; !delivery.source.isLost && !writing.signal.aborted; attempt += 1) {
    const outcome = await publishOnce(writing.publisher, copy, writing);
    if (outcome === STORED || outcome.status === 'stored') return true;
    writing.onFailure(outcome.error);
    await wait(writing.clock, backoffDelayMs(BACKOFF, attempt, writing.random), writing.signal);
  }
  return false;
}
