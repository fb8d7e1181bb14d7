import type mongoose from 'mongoose';
import { BuscouplerError } from '../../contract/errors.js';
import type { InboxRecord, Records } from './record.js';

/** Name of the index by which MongoDB forgets what is settled. */
export const TTL_INDEX = 'settled_ttl';
const NAMESPACE_EXISTS = 48;

/** Where the records are and how long they are kept. */
export interface RecordsSpec {
  readonly collection: string;
  readonly ttlMs: number;
}

/**
 * Opens the collection with everything that safety needs, whatever the connection's URL says: primary, majority read and
 * write concern. The unique key is `_id`.
 */
export function openRecords(
  connection: mongoose.Connection,
  { collection }: Pick<RecordsSpec, 'collection'>,
): Records {
  return connection
    .getClient()
    .db(connection.name)
    .collection<InboxRecord>(collection, {
      readPreference: 'primary',
      readConcern: { level: 'majority' },
      writeConcern: { w: 'majority' },
    });
}

/** Makes collection and TTL index before the first transaction, inside which neither can be made. Idempotent. */
export async function provisionRecords(connection: mongoose.Connection, spec: RecordsSpec): Promise<void> {
  const records = openRecords(connection, spec);
  const db = connection.getClient().db(connection.name);
  await db.createCollection(spec.collection).catch((error) => {
    if (error?.code !== NAMESPACE_EXISTS) throw error;
  });
  const indexes = await records.indexes();
  const present = indexes.find(({ name }) => name === TTL_INDEX);
  const seconds = Math.ceil(spec.ttlMs / 1_000);
  if (present === undefined) {
    // Sparse, so that a claim, which has no time yet, costs the index nothing.
    const index = { name: TTL_INDEX, expireAfterSeconds: seconds, sparse: true };
    await records.createIndex({ settledAt: 1 }, index);
  } else if (Number(present.expireAfterSeconds) < seconds) {
    await lengthen(db, spec.collection, { seconds, was: Number(present.expireAfterSeconds) });
  }
}

/** A longer memory than asked for is safe, a shorter one is not: the index is only ever lengthened. */
async function lengthen(
  db: mongoose.mongo.Db,
  collection: string,
  { seconds, was }: { seconds: number; was: number },
): Promise<void> {
  try {
    await db.command({ collMod: collection, index: { name: TTL_INDEX, expireAfterSeconds: seconds } });
  } catch (cause) {
    const what = `The TTL index "${TTL_INDEX}" of collection "${collection}" keeps records for ${was} s instead of ${seconds} s and cannot be changed.`;
    throw new BuscouplerError('BC_INBOX_UNAVAILABLE', what, { cause });
  }
}
