import type mongoose from 'mongoose';

declare module '../../contract/message-bus.js' {
  interface TransactionSessions {
    /** Of the MongoDB client that the store's connection uses. */
    mongodb: mongoose.mongo.ClientSession;
  }
}

/** A session of the MongoDB driver. */
export type MongoSession = mongoose.mongo.ClientSession;
