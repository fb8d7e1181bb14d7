import type { BrokerPort, Delivery, Destination, PublishTicket } from '../../../src/contract/broker.js';
import type { Inbox, InboxCopy } from '../../../src/contract/inbox.js';
import type { Outbox } from '../../../src/contract/outbox.js';
import { overlay } from './overlay.js';
import type { KillPoint, Stop } from './plan.js';

/** Waits for its death. */
export const NEVER = new Promise<never>(() => undefined);

/** Knows where the process stops. */
export interface Stopper {
  /** True if this is where it stops; it is told once. */
  reaches(point: KillPoint, id: string | null): boolean;
}

/** Tells when the step of the plan is reached, the first time. */
export function createStopper(stop: Stop | undefined, onReached: () => void): Stopper {
  let isReached = false;
  return {
    reaches(point, id) {
      if (stop === undefined || stop.point !== point || stop.id !== id) return false;
      if (!isReached) onReached();
      isReached = true;
      return true;
    },
  };
}

/** What is seen of a delivery that is let go of. */
export type OnSettle = (delivery: Delivery) => void;

/** A broker whose process stops before it lets go of a delivery, or before it learns that a copy was stored. */
export function stopsAtBroker(port: BrokerPort, stopper: Stopper, onSettle: OnSettle): BrokerPort {
  const watched = (delivery: Delivery): Delivery =>
    overlay(delivery, {
      settle() {
        if (stopper.reaches('before settling', delivery.message.id)) return;
        onSettle(delivery);
        delivery.settle();
      },
    });
  return overlay(port, {
    attach: (spec) => port.attach({ ...spec, deliver: (delivery) => spec.deliver(watched(delivery)) }),
    publisher: (destination) => {
      const publisher = port.publisher(destination);
      const point = POINT_OF[destination.kind];
      if (point === null) return publisher;
      return overlay(publisher, {
        publish: (ticket) => publisher.publish(unanswered(ticket, point, stopper)),
      });
    },
  });
}

const POINT_OF: Readonly<Record<Destination['kind'], KillPoint | null>> = {
  topic: null,
  retry: 'copy stored',
  'dead-letter': 'letter stored',
};

/** A ticket that does not learn that it was stored. */
function unanswered(ticket: PublishTicket, point: KillPoint, stopper: Stopper): PublishTicket {
  return overlay(ticket, {
    settle(outcome) {
      if (outcome.status === 'stored' && stopper.reaches(point, ticket.message.id)) return;
      ticket.settle(outcome);
    },
  });
}

/** An outbox whose process stops before it marks as sent what the brokers have. */
export function stopsAtOutbox(outbox: Outbox, stopper: Stopper): Outbox {
  return overlay(outbox, {
    markStored(broker, rows) {
      if (rows.some(({ message }) => stopper.reaches('outbox sent', message.id))) return NEVER;
      return outbox.markStored(broker, rows);
    },
  });
}

/** An inbox whose process stops once it was told that a message dies. */
export function stopsAtInbox(inbox: Inbox, stopper: Stopper): Inbox {
  return overlay(inbox, {
    async markBurying(consumer, claims) {
      const areOurs = await inbox.markBurying(consumer, claims);
      return claims.some(({ copy }) => stopper.reaches('burial decided', copy.id)) ? NEVER : areOurs;
    },
  });
}

/** An inbox that tells of each effect that was committed in one of its transactions. */
export function tellsCommits(inbox: Inbox, onCommit: (copy: InboxCopy) => void): Inbox {
  const { transactions } = inbox;
  if (transactions === undefined) return inbox;
  return overlay(inbox, {
    transactions: {
      ...transactions,
      async begin(consumer, copy, token) {
        const transaction = await transactions.begin(consumer, copy, token);
        if (transaction === null) return null;
        return overlay(transaction, {
          async commit(signal) {
            await transaction.commit(signal);
            onCommit(copy);
          },
        });
      },
    },
  });
}
