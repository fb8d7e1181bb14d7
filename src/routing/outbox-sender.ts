import type { BrokerPort, Publisher, PublishOutcome } from '../contract/broker.js';
import type { Clock } from '../contract/clock.js';
import type { BrokerName, OutgoingMessage } from '../contract/message.js';
import type { OutboxRow } from '../contract/outbox.js';
import type { AnyTopic } from '../contract/topic.js';
import { Ticket, type TicketBook } from '../delivery/publish-ticket.js';
import { codecOf } from '../messages/codec.js';
import { asPublishError } from './publish-path.js';
import type { Route } from './route.js';
import type { Routes } from './routes.js';

/** Deadline of one try, ms. */
const TRY_TIMEOUT_MS = 10_000;

/** What sending rows of the outbox needs. */
export interface OutboxSenderOptions {
  readonly routes: Routes;
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  readonly clock: Clock;
  readonly book: TicketBook;
}

/** Publishes one row of the outbox to one broker, once, and resolves with its answer. Never rejects. */
export function createOutboxSender({ routes, ports, clock, book }: OutboxSenderOptions) {
  /** Also to a broker that the topic is not published to any more: it was when the message was. */
  const publisherOf = ({ legs, topic }: Route, broker: BrokerName): Publisher =>
    legs.find((leg) => leg.broker === broker)?.publisher ??
    (ports.get(broker) as BrokerPort).publisher({ kind: 'topic', topic });

  return (row: OutboxRow, broker: BrokerName): Promise<PublishOutcome> =>
    new Promise((resolve) => {
      try {
        const route = routes.of(row.topic);
        // The time of the copy: one that waited for long must not be too old for the broker's retention.
        const message = withData({ ...row.message, timestampMs: clock.epochMs() }, route.topic);
        const owner = { ticketSettled: (_: Ticket, outcome: PublishOutcome) => resolve(outcome) };
        const ticket = new Ticket(message, clock.monotonicMs() + TRY_TIMEOUT_MS, owner);
        book.add(ticket);
        publisherOf(route, broker).publish(ticket);
      } catch (error) {
        resolve({ status: 'failed', error: asPublishError(error) });
      }
    });
}

/** For routing keys that are functions of the value: what was serialised, read again. */
function withData(message: OutgoingMessage, topic: AnyTopic): OutgoingMessage {
  if (typeof topic.rabbitmq?.routingKey !== 'function') return message;
  const decoded = message.body === null ? { value: null } : codecOf(topic).decode(message.body);
  return 'value' in decoded ? { ...message, data: decoded.value } : message;
}
