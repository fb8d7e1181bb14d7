import type mongoose from 'mongoose';
import type { Clock } from '../../contract/clock.js';
import type { LetterClaim, LetterLedger, LetterMark } from '../../contract/letter-ledger.js';
import { LETTER_LEASE_MS, letterKeyOf } from '../memory-ledger.js';
import { answerWithin } from './answer-within.js';

/** Options of {@link mongoLedger}. */
export interface MongoLedgerOptions {
  readonly clock: Clock;
  /** Default `buscoupler_letters`. */
  readonly collection?: string;
  /** Longest wait for an answer, ms. Default 10,000. */
  readonly timeoutMs?: number;
  /** How long an operator may take for one letter before another one takes over, ms. Default 60,000. */
  readonly leaseMs?: number;
}

/** What was done with one letter; its key is `_id`, so no index has to be made. */
interface LetterRecord {
  readonly _id: string;
  readonly mark: LetterMark;
  readonly token: string;
  /** By the server's clock. */
  readonly at: Date;
}

type LetterRecords = mongoose.mongo.Collection<LetterRecord>;

const DUPLICATE_KEY = 11_000;

const isDuplicate = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && (error as { code?: unknown }).code === DUPLICATE_KEY;

/** One update that takes a letter which is new, is ours already, or was left by its owner, and else changes nothing. */
function taking(token: string, leaseMs: number) {
  const isNew = { $eq: [{ $type: '$mark' }, 'missing'] };
  const isOurs = { $eq: ['$token', { $literal: token }] };
  const isLeft = { $lt: ['$at', { $subtract: ['$$NOW', leaseMs] }] };
  const isFree = { $or: [isNew, { $and: [{ $eq: ['$mark', 'replaying'] }, { $or: [isOurs, isLeft] }] }] };
  const ifFree = (value: unknown, otherwise: string) => ({ $cond: ['$isFree', value, otherwise] });
  const taken = {
    mark: ifFree('replaying', '$mark'),
    token: ifFree({ $literal: token }, '$token'),
    at: ifFree('$$NOW', '$at'),
  };
  return [{ $set: { isFree } }, { $set: taken }, { $unset: 'isFree' }];
}

/** The record as it is after the try; whoever else inserted it at the same moment makes it repeat. */
async function take(records: LetterRecords, key: string, update: ReturnType<typeof taking>) {
  const options = { upsert: true, returnDocument: 'after' } as const;
  try {
    return await records.findOneAndUpdate({ _id: key }, update, options);
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    return records.findOneAndUpdate({ _id: key }, update, options);
  }
}

/**
 * A ledger in MongoDB, over mongoose's connection, which must be open. Reads and writes with majority on the primary,
 * whatever the connection's URL says. Times are the server's: operators' clocks do not matter. Records stay for good, one for
 * each letter that was replayed or purged on Kafka.
 */
export function mongoLedger(connection: mongoose.Connection, options: MongoLedgerOptions): LetterLedger {
  const { clock, collection = 'buscoupler_letters', timeoutMs = 10_000, leaseMs = LETTER_LEASE_MS } = options;
  const within = <Answer>(asked: Promise<Answer>): Promise<Answer> => answerWithin(clock, timeoutMs, asked);
  const records = (): LetterRecords =>
    connection
      .getClient()
      .db(connection.name)
      .collection<LetterRecord>(collection, {
        readPreference: 'primary',
        readConcern: { level: 'majority' },
        writeConcern: { w: 'majority' },
      });
  return {
    async marksOf(letters) {
      const keys = letters.map(letterKeyOf);
      const found = records().find({ _id: { $in: keys } });
      const marks = new Map((await within(found.toArray())).map(({ _id, mark }) => [_id, mark]));
      return keys.map((key) => marks.get(key) ?? null);
    },
    async begin(letter, token): Promise<LetterClaim> {
      const record = await within(take(records(), letterKeyOf(letter), taking(token, leaseMs)));
      if (record === null) return 'replaying';
      return record.mark === 'replaying' && record.token === token ? 'ours' : record.mark;
    },
    async finish(letter, token, mark) {
      const update = [{ $set: { mark, at: '$$NOW' } }];
      const { matchedCount } = await within(records().updateOne({ _id: letterKeyOf(letter), token }, update));
      return matchedCount === 1;
    },
    async release(letter, token) {
      await within(records().deleteOne({ _id: letterKeyOf(letter), token, mark: 'replaying' }));
    },
  };
}
