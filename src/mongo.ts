export { type MongoOutboxOptions, mongoOutbox } from './outbox/mongo/mongo-outbox.js';
