import type mongoose from 'mongoose';

/** A session of the MongoDB driver. */
export type MongoSession = mongoose.mongo.ClientSession;
