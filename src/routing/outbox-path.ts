import { BuscouplerError } from '../contract/errors.js';
import type { OutgoingMessage } from '../contract/message.js';
import type { Receipt } from '../contract/message-bus.js';
import type { Outbox, OutboxRelay } from '../contract/outbox.js';
import type { TransactionSession } from '../contract/transaction-session.js';
import { outboxRowOf } from './outbox-row.js';
import type { Route } from './route.js';

/** Stores a composed and checked message in the outbox, inside the caller's transaction. */
export type StoreInOutbox = (
  route: Route,
  message: OutgoingMessage,
  session: TransactionSession,
) => Promise<Receipt>;

/** Makes the path into the outbox; without one every publish with a session is refused. */
export function createOutboxPath(
  outbox: Outbox | null,
  relay: Pick<OutboxRelay, 'nudge'> | null,
): StoreInOutbox {
  return async (route, message, session) => {
    if (outbox === null) {
      const what = `A message for topic "${route.topic.name}" was published with a session, but there is no outbox.`;
      throw new BuscouplerError('BC_DEFINITION_INVALID', what);
    }
    await outbox.add(outboxRowOf(route.topic.name, message, route.brokers), session);
    relay?.nudge();
    const brokers = Object.fromEntries(route.brokers.map((broker) => [broker, 'outbox' as const]));
    return { id: message.id, brokers };
  };
}
