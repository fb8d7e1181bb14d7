import mongoose from 'mongoose';
import { ConfigError, type Inbox, memoryInbox } from '../index.js';
import { mongoInbox } from '../mongo.js';
import type { UnreadyPart } from './http/readiness.js';
import { openMongo } from './open-mongo.js';

/** Where the server keeps what outlives a message. */
export interface Stores {
  /** `null`: the stores are in memory. */
  readonly connection: mongoose.Connection | null;
  readonly inbox: Inbox;
  /** True: the effect of a message and the record of it are committed together. */
  readonly hasTransactions: boolean;
  /** What is wrong with MongoDB now; `null`: nothing. */
  problem(): UnreadyPart | null;
  close(): Promise<void>;
}

/** Opens MongoDB, or memory for embedded brokers. Rejects with a ConfigError that names MONGODB_URL. */
export async function openStores(mongodbUrl: string | null, isEmbedded: boolean): Promise<Stores> {
  if (mongodbUrl !== null) return mongoStores(mongodbUrl);
  if (isEmbedded) return memoryStores();
  // The brokers would believe settled what a restart forgets.
  const allowed = 'the address of a MongoDB; EMBEDDED=true alone does without one';
  throw new ConfigError([{ setting: 'MONGODB_URL', was: 'not set', allowed }]);
}

const memoryStores = (): Stores => ({
  connection: null,
  inbox: memoryInbox(),
  hasTransactions: false,
  problem: () => null,
  close: async () => undefined,
});

async function mongoStores(url: string): Promise<Stores> {
  const { connection, hasTransactions } = await openMongo(url);
  return {
    connection,
    inbox: mongoInbox(connection),
    hasTransactions,
    problem: () => {
      const state = mongoose.STATES[connection.readyState];
      return state === 'connected' ? null : { part: 'mongodb', state: String(state) };
    },
    close: () => connection.close(),
  };
}
