import type mongoose from 'mongoose';
import { BuscouplerError } from '../../contract/errors.js';
import type { InboxRecord } from './record.js';
import { DUPLICATE_KEY, isTimeLimit, MAX_TIME_EXPIRED } from './store-errors.js';

/** One statement of an update command, for every record that it finds. */
export interface UpdateStatement {
  readonly q: object;
  readonly u: object;
}

/**
 * Writes by the bare command. The driver's `insertMany` encodes each record twice and has the server remember every insert
 * for a retry that the caller makes anyway, under its own token: a fifth of the rate of the store. And its writes cannot say how
 * long the server may try: `timeoutMS` has no effect from driver 7.8 on.
 */
export interface WriteCommands {
  /** Inserts records; resolves with the places of those that were there already. */
  insert(fresh: readonly InboxRecord[]): Promise<readonly number[]>;
  /** Updates what can be updated within so many ms: what an open transaction holds stays as it is. */
  update(statements: readonly UpdateStatement[], withinMs: number): Promise<void>;
}

/** Where records are written. */
export interface WriteSpec {
  readonly collection: string;
  /** Longest time that the server tries to insert, ms. */
  readonly timeoutMs: number;
}

interface Failure {
  readonly code?: number;
  readonly errmsg?: string;
}

interface WriteAnswer {
  readonly writeErrors?: readonly (Failure & { readonly index: number })[];
  readonly writeConcernError?: Failure;
}

/** The bare commands for one collection. */
export function writesTo(
  connection: mongoose.Connection,
  { collection, timeoutMs }: WriteSpec,
): WriteCommands {
  const db = connection.getClient().db(connection.name);
  const majority = { ordered: false, writeConcern: { w: 'majority' } };
  return {
    insert: async (documents) => {
      const command = { insert: collection, documents, ...majority, maxTimeMS: timeoutMs };
      return placesOf((await db.command(command)) as WriteAnswer, DUPLICATE_KEY);
    },
    update: async (statements, withinMs) => {
      const updates = statements.map((statement) => ({ ...statement, multi: true }));
      const command = { update: collection, updates, ...majority, maxTimeMS: withinMs };
      try {
        placesOf((await db.command(command)) as WriteAnswer, MAX_TIME_EXPIRED);
      } catch (error) {
        if (!isTimeLimit(error)) throw error;
      }
    },
  };
}

/**
 * Where the expected failures are. The command answers "ok" whatever became of its records. A write concern that was not met:
 * nobody knows what will stay.
 */
function placesOf({ writeErrors = [], writeConcernError }: WriteAnswer, expected: number): readonly number[] {
  const failed = writeConcernError ?? writeErrors.find(({ code }) => code !== expected);
  if (failed !== undefined) throw new BuscouplerError('BC_INBOX_UNAVAILABLE', `MongoDB: ${failed.errmsg}`);
  return writeErrors.map(({ index }) => index);
}
