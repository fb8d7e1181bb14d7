export { type MongoOutboxOptions, mongoOutbox } from './outbox/mongo/mongo-outbox.js';
// Named here so that whoever imports this file gets the type of `session` as well.
export type { MongoSession } from './outbox/mongo/sessions.js';
