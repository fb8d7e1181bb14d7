import type { Publisher, PublishOutcome } from '../contract/broker.js';
import type { Clock, Random } from '../contract/clock.js';
import type { BuscouplerError } from '../contract/errors.js';
import type { OutgoingMessage } from '../contract/message.js';
import { backoffDelayMs, wait } from './backoff.js';
import type { Asker } from './bulk-asks.js';
import { Ticket, type TicketBook, type TicketOwner } from './publish-ticket.js';

/** Deadline of one try to store a copy, ms. */
const STORE_TIMEOUT_MS = 10_000;

const BACKOFF = { initialMs: 500, factor: 2, maxMs: 30_000, jitter: 0.2 };

/** What storing a copy of a message needs, be it a dead letter or a retry. */
export interface CopyStoring {
  /** The delivery: the tries end when it is lost or its consumer is stopped hard. */
  readonly asker: Asker;
  /** Asked for each try: what the place takes may be known better by then, and a retry may go elsewhere. */
  readonly copy: () => { readonly message: OutgoingMessage; readonly publisher: Publisher };
  readonly clock: Clock;
  readonly random: Random;
  readonly book: TicketBook;
  readonly onFailure: (error: BuscouplerError) => void;
}

/** Publishes one message and resolves with the outcome; never rejects. */
function publishOnce({ copy, clock, book, asker }: CopyStoring): Promise<PublishOutcome> {
  const { message, publisher } = copy();
  return new Promise((resolve) => {
    const giveUp = (): void => ticket.abandon('BC_LIFECYCLE', 'The consumer was stopped.');
    const owner: TicketOwner = {
      ticketSettled: (_, outcome) => {
        asker.signal.removeEventListener('abort', giveUp);
        resolve(outcome);
      },
    };
    const ticket = new Ticket(message, clock.monotonicMs() + STORE_TIMEOUT_MS, owner);
    asker.signal.addEventListener('abort', giveUp, { once: true });
    book.add(ticket);
    publisher.publish(ticket);
  });
}

/**
 * Stores the copy, trying again with backoff for as long as the original is ours; true if it is stored. An uncertain
 * try is repeated with the same id: better twice than not at all.
 */
export async function storeCopy(storing: CopyStoring): Promise<boolean> {
  const { asker, clock, random } = storing;
  for (let attempt = 1; !asker.isOver; attempt += 1) {
    const outcome = await publishOnce(storing);
    if (outcome.status === 'stored') return true;
    storing.onFailure(outcome.error);
    await wait(clock, backoffDelayMs(BACKOFF, attempt, random), asker.signal);
  }
  return false;
}
