import mongoose from 'mongoose';
import { ConfigError } from '../index.js';
import { maskSecrets, secretsIn } from './secret-url.js';

/** Longest wait for a server of MongoDB, at start and later, ms; the URL may say another. */
const SELECTION_TIMEOUT_MS = 10_000;

const SAYS_TIMEOUT = /[?&]serverSelectionTimeoutMS=/i;

/** A connection that stands. */
export interface OpenMongo {
  readonly connection: mongoose.Connection;
  /** False: MongoDB runs alone and has no transactions. */
  readonly hasTransactions: boolean;
}

/** Connects, or rejects with one ConfigError that says what MongoDB's client said, without the password. */
export async function openMongo(url: string): Promise<OpenMongo> {
  const connection = mongoose.createConnection();
  try {
    await connection.openUri(url, {
      ...(SAYS_TIMEOUT.test(url) ? {} : { serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS }),
      // Modules make their collections and indexes before the bus starts; a transaction must not meet one being made.
      autoCreate: false,
      autoIndex: false,
    });
    const hello = await connection.getClient().db('admin').command({ hello: 1 });
    return { connection, hasTransactions: hello.setName !== undefined || hello.msg === 'isdbgrid' };
  } catch (thrown) {
    await connection.close(true).catch(() => undefined); // it never stood
    const said = thrown instanceof Error ? thrown.message : 'an unknown error';
    const why = maskSecrets(said.replaceAll(/\s+/g, ' '), secretsIn(url));
    throw new ConfigError([
      {
        setting: 'MONGODB_URL',
        was: `an address where MongoDB cannot be used (${why})`,
        allowed: 'the address of a MongoDB that answers and knows the user',
      },
    ]);
  }
}
