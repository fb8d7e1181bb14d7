import os from 'node:os';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import mongoose from 'mongoose';
import type { Outbox } from '../../../src/contract/outbox.js';
import { type MongoOutboxOptions, mongoOutbox } from '../../../src/mongo.js';
import { type MongodbServer, startMongodb } from '../servers/mongodb.js';
import type { OutboxRig } from './store-cases.js';

/** A MongoDB of the suite's own, and collections of each test's own. */
export function useMongoOutbox() {
  let server: MongodbServer;
  let connection: mongoose.Connection;
  let count = 0;
  const sessions: mongoose.mongo.ClientSession[] = [];

  /** Jest refuses the dynamic import by which the driver loads `os`. */
  const connect = (): mongoose.Connection =>
    mongoose.createConnection(server.url, {
      runtimeAdapters: { os },
      serverSelectionTimeoutMS: 2_000,
    } as mongoose.ConnectOptions);

  beforeAll(async () => {
    server = await startMongodb();
    connection = connect();
    await connection.asPromise();
  });
  afterEach(async () => {
    for (const session of sessions.splice(0)) await session.endSession();
  });
  afterAll(async () => {
    await connection?.close();
    await server?.dispose();
  });

  const begin = async (): ReturnType<OutboxRig['begin']> => {
    const session = await connection.startSession();
    sessions.push(session);
    session.startTransaction({ writeConcern: { w: 'majority' } });
    return {
      session,
      commit: () => session.commitTransaction(),
      abort: () => session.abortTransaction(),
    };
  };
  /** Outboxes on one new collection, one per call of what is returned. */
  const openCollection = (options: MongoOutboxOptions = {}): (() => Outbox) => {
    count += 1;
    const collection = `outbox_${count}`;
    return () => mongoOutbox(connection, { ...options, collection });
  };
  const openRig = async (): Promise<OutboxRig> => {
    const outbox = openCollection()();
    await outbox.start();
    return { outbox, begin };
  };
  return { openRig, openCollection, begin, connect, server: () => server, connection: () => connection };
}
