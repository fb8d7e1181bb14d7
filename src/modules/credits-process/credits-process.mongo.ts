import type mongoose from 'mongoose';
import { AccountWrites } from './credits-process.accounts.js';
import { expireRequests } from './credits-process.expiry.js';
import {
  type CreditsCollections,
  collectionsOf,
  creditsModels,
  type RequestRecord,
  requestKey,
  type StoredState,
} from './credits-process.model.js';
import type {
  Balance,
  CreditsStore,
  Deadlines,
  RequestState,
  RequestStep,
  Session,
} from './credits-process.store.js';

/** Options of {@link mongoCreditsStore}. */
export interface MongoCreditsOptions {
  /** Called after each write with its name: a test dies there. Default: nothing. */
  readonly onWrite?: (what: string) => void;
}

/** A state that is decided; a request that is still `new` has its end waiting, or none. */
const toldAs = (state: StoredState): RequestState => (state === 'new' ? 'parked' : state);

const nothing = (): void => undefined;

/**
 * Kept in MongoDB, in a document per account and one per request. A request's document says what was decided, and is
 * written first and last; the account's own conditional write in between decides, and can be repeated. So every operation
 * can be taken up where it broke off, with a transaction and without.
 */
export class MongoCreditsStore implements CreditsStore {
  readonly #models: ReturnType<typeof creditsModels>;
  readonly #collections: CreditsCollections;
  readonly #onWrite: (what: string) => void;

  constructor(connection: mongoose.Connection, { onWrite = nothing }: MongoCreditsOptions = {}) {
    this.#models = creditsModels(connection);
    this.#collections = collectionsOf(this.#models);
    this.#onWrite = onWrite;
  }

  async prepare(): Promise<void> {
    for (const model of Object.values(this.#models)) {
      await model.createCollection();
      await model.createIndexes();
    }
  }

  async start(step: RequestStep, deadlines: Deadlines, session?: Session): Promise<RequestState> {
    const known = await this.#note(step, 'start', session);
    if (known.state !== 'new') return this.#settleIfEnded(known, session);
    const accounts = this.#accounts(session);
    const { expiresAtMs, forgetAtMs } = deadlines;
    const own = { ...step, cost: known.start?.cost ?? step.cost };
    const dates = { expiresAt: new Date(expiresAtMs), forgetAt: new Date(forgetAtMs) };
    const held = await accounts.reserve(own, dates);
    this.#onWrite('reserve');
    const decided = await this.#decide(own, held === 'short' ? 'refused' : 'reserved', session);
    // Another instance decided meanwhile: what we hold, it does not know of.
    const isStray = decided.state !== 'reserved' && decided.state !== 'expired';
    if (held === 'held' && isStray) await accounts.undo(own);
    return this.#settleIfEnded(decided, session);
  }

  async end(step: RequestStep, session?: Session): Promise<RequestState> {
    return this.#settleIfEnded(await this.#note(step, 'end', session), session);
  }

  async topUp({ id, user, amount }: { id: string; user: string; amount: number }): Promise<Balance> {
    await this.#accounts(undefined).topUp(user, id, amount);
    return this.balanceOf(user);
  }

  async balanceOf(user: string): Promise<Balance> {
    const account = await this.#collections.accounts.findOne({ _id: user });
    const { available, reserved, spent, owed } = account ?? { available: 0, reserved: 0, spent: 0, owed: 0 };
    return { user, available, reserved, spent, owed };
  }

  async stateOf(user: string, request: string): Promise<RequestState | null> {
    const record = await this.#requests.findOne({ _id: requestKey(user, request) });
    return record === null ? null : toldAs(record.state);
  }

  expire(nowMs: number): Promise<number> {
    return expireRequests(this.#collections, nowMs);
  }

  get #requests() {
    return this.#collections.requests;
  }

  #accounts(session: Session): AccountWrites {
    return new AccountWrites(this.#collections.accounts, session as mongoose.ClientSession | undefined);
  }

  /** Notes the first message of its kind; an end that comes before its start is parked, a start takes the request up. */
  async #note(step: RequestStep, kind: 'start' | 'end', session: Session): Promise<RequestRecord> {
    const { user, request, messageId: id, cost } = step;
    const isUndecided = { $in: [{ $ifNull: ['$state', 'parked'] }, ['parked']] };
    const state =
      kind === 'start' ? { $cond: [isUndecided, 'new', '$state'] } : { $ifNull: ['$state', 'parked'] };
    const noted = { $ifNull: [`$${kind}`, { id: { $literal: id }, cost }] };
    const whose = { user: { $literal: user }, request: { $literal: request } };
    const record = await this.#requests.findOneAndUpdate(
      { _id: requestKey(user, request) },
      [{ $set: { ...whose, state, [kind]: noted } }],
      { upsert: true, returnDocument: 'after', ...inSession(session) },
    );
    this.#onWrite(`note ${kind}`);
    return record as RequestRecord;
  }

  /** Writes what was decided, unless another instance did; resolves with what holds. */
  async #decide(
    { user, request }: RequestStep,
    state: 'refused' | 'reserved',
    session: Session,
  ): Promise<RequestRecord> {
    const _id = requestKey(user, request);
    const options = { returnDocument: 'after', ...inSession(session) } as const;
    const decided = await this.#requests.findOneAndUpdate(
      { _id, state: 'new' },
      { $set: { state } },
      options,
    );
    this.#onWrite('decide');
    return decided ?? ((await this.#requests.findOne({ _id }, inSession(session))) as RequestRecord);
  }

  async #settleIfEnded(known: RequestRecord, session: Session): Promise<RequestState> {
    const { _id, user, request, state, start, end } = known;
    if (end === undefined || (state !== 'reserved' && state !== 'expired')) return toldAs(state);
    const accounts = this.#accounts(session);
    const step = { user, request, cost: end.cost, messageId: end.id };
    const isPaid = await accounts.settle(step, start?.cost ?? 0);
    this.#onWrite('settle');
    const closed = await this.#close(_id, isPaid ? 'settled' : 'abandoned', session);
    await accounts.forget(user, request);
    this.#onWrite('forget');
    return closed;
  }

  /** Writes how it ended, unless another instance did; resolves with what holds. */
  async #close(_id: string, state: 'settled' | 'abandoned', session: Session): Promise<RequestState> {
    const isOpen = { _id, state: { $in: ['reserved', 'expired'] as StoredState[] } };
    const { modifiedCount } = await this.#requests.updateOne(isOpen, { $set: { state } }, inSession(session));
    this.#onWrite('close');
    if (modifiedCount === 1) return state;
    return toldAs((await this.#requests.findOne({ _id }, inSession(session)))?.state ?? state);
  }
}

const inSession = (session: Session): { session?: mongoose.ClientSession } =>
  session === undefined ? {} : { session: session as mongoose.ClientSession };

/** Kept in MongoDB; see {@link MongoCreditsStore}. */
export const mongoCreditsStore = (
  connection: mongoose.Connection,
  options: MongoCreditsOptions = {},
): CreditsStore => new MongoCreditsStore(connection, options);
