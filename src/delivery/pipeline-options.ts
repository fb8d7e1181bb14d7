import type { Delivery, Publisher } from '../contract/broker.js';
import type { Clock, Random } from '../contract/clock.js';
import type { AnyConsumer } from '../contract/consumer.js';
import type { EmitEvent } from '../contract/events.js';
import type { Inbox } from '../contract/inbox.js';
import type { Logger } from '../contract/logger.js';
import type { BrokerName, OutgoingMessage } from '../contract/message.js';
import type { Failure } from '../dead-letters/failure.js';
import type { TicketBook } from './publish-ticket.js';
import type { Window } from './window.js';

/** A message that is given up on, and how large its letter may be. */
export interface LetterRequest {
  readonly delivery: Delivery;
  /** The message id, also for foreign messages that came without one. */
  readonly id: string;
  readonly failure: Failure;
  /** What the dead-letter place takes, bytes. */
  readonly maxBytes: number;
}

/** A place from which a copy comes back to the consumer. */
export interface RetryPlace {
  readonly broker: BrokerName;
  readonly publisher: Publisher;
}

/** What the pipeline of one consumer is made of. */
export interface PipelineOptions {
  readonly consumer: AnyConsumer;
  /** `null`: every delivery is run. */
  readonly inbox: Inbox | null;
  /** `null` or absent: every copy is run, whatever its age. */
  readonly window?: Window | null;
  readonly deadLetterOf: (request: LetterRequest) => OutgoingMessage;
  readonly deadLetterPublisher: (broker: BrokerName) => Publisher;
  readonly deadLetterPlace: (broker: BrokerName) => string;
  /** Where a copy waits for so long, on the broker by which the consumer is fed now. */
  readonly retryPlace: (delayMs: number) => RetryPlace;
  readonly book: TicketBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly emit: EmitEvent;
}
