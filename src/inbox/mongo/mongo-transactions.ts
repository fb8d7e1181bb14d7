import type mongoose from 'mongoose';
import type { Clock } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { InboxTransaction } from '../../contract/inbox.js';
import { answerWithin } from './answer-within.js';
import { settledAs } from './mark-records.js';
import type { HeldClaim, Records } from './record.js';
import type { Renewals } from './renewals.js';
import { isRefusal } from './store-errors.js';

/** Life of a transaction where the server does not say it, s: the server's own default. */
const LIFETIME_DEFAULT_SECONDS = 60;

const COMMIT_RETRY_MS = 200;

/** What transactions need. */
export interface TransactionStore {
  readonly connection: mongoose.Connection;
  readonly records: Records;
  readonly renewals: Renewals;
  readonly clock: Clock;
  /** Longest wait for one answer, ms. */
  readonly timeoutMs: number;
}

/** Refuses a server without transactions, and a handler that may run longer than a transaction lives there. */
export async function prepareTransactions(
  connection: mongoose.Connection,
  consumer: string,
  handlerTimeoutMs: number,
): Promise<void> {
  const admin = connection.getClient().db('admin');
  const hello = await admin.command({ hello: 1 });
  if (hello.setName === undefined && hello.msg !== 'isdbgrid') {
    const what = `Consumer "${consumer}" wants transactions, but MongoDB runs alone and has none.`;
    throw new BuscouplerError('BC_TRANSACTIONS_UNSUPPORTED', what);
  }
  const lifetimeMs = (await lifetimeSeconds(admin)) * 1_000;
  if (handlerTimeoutMs < lifetimeMs) return;
  const what = `Consumer "${consumer}": timeoutMs is ${handlerTimeoutMs}, but MongoDB ends transactions after ${lifetimeMs} ms (transactionLifetimeLimitSeconds); it must be less.`;
  throw new BuscouplerError('BC_DEFINITION_INVALID', what);
}

async function lifetimeSeconds(admin: mongoose.mongo.Db): Promise<number> {
  const name = 'transactionLifetimeLimitSeconds';
  const answer = await admin.command({ getParameter: 1, [name]: 1 }).catch(() => ({})); // not permitted, or a router
  const seconds = Number((answer as Record<string, unknown>)[name]);
  return seconds > 0 ? seconds : LIFETIME_DEFAULT_SECONDS;
}

/**
 * Opens a transaction and makes `claimed(token)` → `done` its first write: whoever else touches the record makes one of
 * the two fail. Until it ends the claim is not renewed.
 */
export async function beginTransaction(
  store: TransactionStore,
  claim: HeldClaim,
): Promise<InboxTransaction | null> {
  const { connection, records, renewals, clock, timeoutMs } = store;
  // While the connection is lost, mongoose waits for it first.
  const session = await answerWithin(clock, timeoutMs, connection.startSession());
  renewals.letGo([claim]);
  const transaction = new MongoTransaction(store, claim, session);
  try {
    session.startTransaction({
      readPreference: 'primary',
      readConcern: { level: 'snapshot' },
      writeConcern: { w: 'majority' },
    });
    const filter = { _id: claim.key, token: claim.token, state: 'claimed' as const };
    const first = records.updateOne(filter, settledAs('done'), { session });
    const { matchedCount } = await answerWithin(clock, timeoutMs, first);
    if (matchedCount === 1) return transaction;
  } catch (error) {
    await transaction.abort();
    throw error;
  }
  await transaction.abort();
  renewals.letGo([claim]);
  return null;
}

class MongoTransaction implements InboxTransaction {
  readonly session: mongoose.ClientSession;
  readonly #store: TransactionStore;
  readonly #claim: HeldClaim;

  constructor(store: TransactionStore, claim: HeldClaim, session: mongoose.ClientSession) {
    this.#store = store;
    this.#claim = claim;
    this.session = session;
  }

  async commit(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#within(this.session.commitTransaction());
        break;
      } catch (error) {
        const isCommitted = isRefusal(error) ? await this.#isCommitted() : null;
        if (isCommitted === true) break;
        if (isCommitted === false || signal.aborted) {
          await this.abort(); // whatever it is: without a commit it ends
          throw error;
        }
        await this.#pause(); // committing again is idempotent
      }
    }
    await this.#end();
  }

  async abort(): Promise<void> {
    const { renewals } = this.#store;
    await this.#within(this.session.abortTransaction()).catch(() => undefined); // it was undone by the server, or never began there
    await this.#end();
    renewals.hold(this.#claim.token, [this.#claim.key]);
  }

  /**
   * Reads the outcome back: a primary that stepped down may not know the transaction any more. `null`: the store does not
   * answer, so nobody knows yet.
   */
  async #isCommitted(): Promise<boolean | null> {
    const { key, token } = this.#claim;
    try {
      const done = this.#store.records.findOne({ _id: key, token, state: 'done' });
      return (await this.#within(done)) !== null;
    } catch {
      return null;
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#store.clock.schedule(resolve, COMMIT_RETRY_MS);
    });
  }

  #within<Answer>(asked: Promise<Answer>): Promise<Answer> {
    return answerWithin(this.#store.clock, this.#store.timeoutMs, asked);
  }

  async #end(): Promise<void> {
    await this.#within(this.session.endSession()).catch(() => undefined);
  }
}
