import type mongoose from 'mongoose';
import { BuscouplerError, describeError } from '../../contract/errors.js';
import type { OutboxRow } from '../../contract/outbox.js';
import { duplicate, noTransaction } from '../outbox-errors.js';
import type { RowDocument } from './row-document.js';
import type { MongoSession } from './sessions.js';

type Rows = mongoose.mongo.Collection<RowDocument>;

/** The server's code for a duplicate key. */
const DUPLICATE_KEY = 11_000;

/** What the driver calls misuse of a session: of another client, or over. */
const MISUSE: ReadonlySet<unknown> = new Set(['MongoInvalidArgumentError', 'MongoExpiredSessionError']);

interface DriverError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly hasErrorLabel?: (label: string) => boolean;
}

/** Writes rows inside the transactions of callers. */
export function createAddRow(rowsOf: () => Rows) {
  /** The last write of each session: a transaction takes no two at a time. */
  const tails = new WeakMap<MongoSession, Promise<unknown>>();

  return async (row: OutboxRow, document: RowDocument, session: MongoSession): Promise<void> => {
    requireTransaction(session);
    const before = tails.get(session);
    const writing = (async () => {
      await before?.catch(() => undefined); // told to its own caller
      requireTransaction(session); // the write before may have lost it
      await rowsOf().insertOne(document, { session });
    })();
    tails.set(session, writing);
    try {
      await writing;
    } catch (error) {
      throw explain(row, error);
    }
  };
}

function requireTransaction(session: unknown): void {
  const given = session as Partial<MongoSession> | null;
  if (typeof given?.inTransaction !== 'function') throw noTransaction('is no session of MongoDB');
  if (!given.inTransaction()) throw noTransaction();
}

function explain(row: OutboxRow, error: unknown): unknown {
  if (error instanceof BuscouplerError) return error;
  const { code, name, hasErrorLabel } = (error ?? {}) as DriverError;
  if (code === DUPLICATE_KEY) return duplicate(row, error);
  if (MISUSE.has(name)) return noTransaction(`cannot be used (${describeError(error)})`, error);
  // The driver repeats a transaction only for an error of its own that has this label.
  if (hasErrorLabel?.call(error, 'TransientTransactionError')) return error;
  const what = `The message was not stored in the outbox (${describeError(error)}).`;
  return new BuscouplerError('BC_OUTBOX_UNAVAILABLE', what, { cause: error });
}
