import type mongoose from 'mongoose';
import type { Inbox } from './contract/inbox.js';
import { systemClock } from './delivery/system-clock.js';
import { MongoInbox, type MongoInboxOptions } from './inbox/mongo/mongo-inbox.js';

export { type MongoOutboxOptions, mongoOutbox } from './outbox/mongo/mongo-outbox.js';
export type { MongoInboxOptions };

declare module './contract/transaction-session.js' {
  interface TransactionSessions {
    /** `context.session` of a consumer with `inbox: { transaction: true }`, and what `publish` takes. */
    readonly mongo: mongoose.ClientSession;
  }
}

/**
 * An inbox in MongoDB, over mongoose's connection, shared by every instance of the service. Reads and writes with majority
 * on the primary, whatever the connection's URL says; collection and TTL index are made at the start of the bus. It leaves
 * the connection open when the bus closes. Throws BC_DEFINITION_INVALID for options that are not allowed.
 */
export function mongoInbox(connection: mongoose.Connection, options: MongoInboxOptions = {}): Inbox {
  return new MongoInbox(connection, options, { clock: systemClock });
}
