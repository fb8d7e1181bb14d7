import type { Publisher, PublishOutcome } from '../../contract/broker.js';
import type { Clock } from '../../contract/clock.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import type { IncomingMessage, OutgoingMessage } from '../../contract/message.js';
import { Ticket } from '../../delivery/publish-ticket.js';
import type { RawBatch } from './driver.js';

/** How long storing may take, ms. */
const STORE_TIMEOUT_MS = 10_000;

/** A batch that cannot be decoded, at the partition that it stops. */
export interface StuckBatch {
  readonly topic: string;
  readonly partition: number;
  readonly batch: RawBatch;
  readonly error: unknown;
}

/** What a poison letter is made from. */
export interface PoisonSource {
  readonly consumer: AnyConsumer;
  /** Its body are the bytes of the batch, its position that of the first record. */
  readonly incoming: IncomingMessage;
  readonly error: unknown;
  readonly maxBytes: number;
}

/** What storing needs. */
export interface PoisonLetterContext {
  readonly clock: Clock;
  readonly publisherOf: (consumer: AnyConsumer) => Publisher;
  /** Makes the letter. Absent: none is stored. */
  readonly letterOf?: (source: PoisonSource) => OutgoingMessage;
}

/** A batch as one message: nobody can tell its records apart. */
export function toWholeBatch(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  { firstOffset, bytes }: RawBatch,
): IncomingMessage {
  return {
    id: null,
    key: null,
    body: bytes,
    headers: Object.create(null),
    contentType: null,
    timestampMs: null,
    position: { broker: 'kafka', topic, partition, offset: firstOffset.toString() },
    isRedelivered: false,
  };
}

/** Stores the bytes of a batch that is stepped over as a dead letter; false: it could not be. Never rejects. */
export async function storePoisonLetter(
  { clock, publisherOf, letterOf }: PoisonLetterContext,
  consumer: AnyConsumer,
  { batch, error, ...place }: StuckBatch,
): Promise<boolean> {
  if (letterOf === undefined) return false;
  const publisher = publisherOf(consumer);
  const incoming = toWholeBatch(place, batch);
  const letter = letterOf({ consumer, incoming, error, maxBytes: publisher.maxMessageBytes });
  const outcome = await new Promise<PublishOutcome>((resolve) => {
    const ticketSettled = (_: Ticket, one: PublishOutcome): void => {
      timer.cancel();
      resolve(one);
    };
    const ticket = new Ticket(letter, clock.monotonicMs() + STORE_TIMEOUT_MS, { ticketSettled });
    const giveUp = (): void => ticket.abandon('BC_PUBLISH_TIMEOUT', 'Kafka did not answer in time.');
    const timer = clock.schedule(giveUp, STORE_TIMEOUT_MS, { keepAlive: true });
    publisher.publish(ticket);
  });
  return outcome.status === 'stored';
}
