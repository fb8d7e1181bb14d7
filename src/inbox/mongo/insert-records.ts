import type mongoose from 'mongoose';
import { BuscouplerError } from '../../contract/errors.js';
import type { InboxRecord } from './record.js';
import { DUPLICATE_KEY } from './store-errors.js';

/** Inserts records; resolves with the places of those that were there already. */
export type InsertRecords = (fresh: readonly InboxRecord[]) => Promise<readonly number[]>;

/** Where records are inserted. */
export interface InsertSpec {
  readonly collection: string;
  /** Longest wait for the server, ms. */
  readonly timeoutMs: number;
}

interface InsertAnswer {
  readonly writeErrors?: readonly {
    readonly index: number;
    readonly code: number;
    readonly errmsg: string;
  }[];
  readonly writeConcernError?: { readonly errmsg: string };
}

/**
 * Inserts by the bare command. The driver's `insertMany` encodes each record twice and has the server remember every insert
 * for a retry that the caller makes anyway, under its own token: a fifth of the rate of the store.
 */
export function insertsInto(
  connection: mongoose.Connection,
  { collection, timeoutMs }: InsertSpec,
): InsertRecords {
  const db = connection.getClient().db(connection.name);
  return async (fresh) => {
    const command = {
      insert: collection,
      documents: fresh,
      ordered: false,
      writeConcern: { w: 'majority' },
    };
    return placesThere((await db.command(command, { timeoutMS: timeoutMs })) as InsertAnswer);
  };
}

/** The command answers "ok" whatever became of its records. A write concern that was not met: nobody knows what will stay. */
function placesThere({ writeErrors = [], writeConcernError }: InsertAnswer): readonly number[] {
  const failed = writeConcernError ?? writeErrors.find(({ code }) => code !== DUPLICATE_KEY);
  if (failed !== undefined) throw new BuscouplerError('BC_INBOX_UNAVAILABLE', `MongoDB: ${failed.errmsg}`);
  return writeErrors.map(({ index }) => index);
}
