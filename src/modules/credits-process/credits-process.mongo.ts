import { randomUUID } from 'node:crypto';
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

type OnWrite = (what: string) => void | Promise<void>;

/** Options of {@link mongoCreditsStore}. */
export interface MongoCreditsOptions {
  /** Called after each write with its name and waited for: a test dies or stops there. Default: nothing. */
  readonly onWrite?: OnWrite;
}

/** A state that is decided; a request that is still `new` has its end waiting, or none. */
const toldAs = (state: StoredState): RequestState => (state === 'new' ? 'parked' : state);

/** Something may be held for it. */
const isOpen = ({ state }: RequestRecord): boolean => state === 'reserved' || state === 'expired';

const nothing = (): void => undefined;

/**
 * Kept in MongoDB, in a document per account and one per request. A request's document says what was decided, and is
 * written first and last; the account's own conditional write in between decides, and can be repeated. So every operation
 * can be taken up where it broke off, with a transaction and without. An account may forget a request while another instance
 * still starts it: so each reservation has a hold of its own, the first one that the request's document takes up counts,
 * only that one is paid from, and others are given back.
 */
export class MongoCreditsStore implements CreditsStore {
  readonly #models: ReturnType<typeof creditsModels>;
  readonly #collections: CreditsCollections;
  readonly #onWrite: OnWrite;

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
    const own = { ...step, cost: known.start?.cost ?? step.cost };
    const decided = known.state === 'new' ? await this.#reserve(own, deadlines, session) : known;
    // A request that is over holds nothing: what is there is of an instance that was late, or died before it saw that.
    if (!isOpen(decided)) await this.#accounts(session).undoStray(own, decided.hold ?? null);
    return this.#settleIfEnded(decided, session);
  }

  async #reserve(
    step: RequestStep,
    { expiresAtMs, forgetAtMs }: Deadlines,
    session: Session,
  ): Promise<RequestRecord> {
    const dates = { expiresAt: new Date(expiresAtMs), forgetAt: new Date(forgetAtMs) };
    const hold = await this.#accounts(session).reserve({ ...step, hold: randomUUID() }, dates);
    await this.#onWrite('reserve');
    return this.#decide(step, hold, session);
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
    return expireRequests(this.#collections, nowMs, this.#onWrite);
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
    await this.#onWrite(`note ${kind}`);
    return record as RequestRecord;
  }

  /** Writes what was decided, unless another instance did; resolves with what is valid. `null`: refused. */
  async #decide(
    { user, request }: RequestStep,
    hold: string | null,
    session: Session,
  ): Promise<RequestRecord> {
    const _id = requestKey(user, request);
    const options = { returnDocument: 'after', ...inSession(session) } as const;
    const decided = await this.#requests.findOneAndUpdate(
      { _id, state: 'new' },
      { $set: hold === null ? { state: 'refused' } : { state: 'reserved', hold } },
      options,
    );
    await this.#onWrite('decide');
    return decided ?? ((await this.#requests.findOne({ _id }, inSession(session))) as RequestRecord);
  }

  async #settleIfEnded(known: RequestRecord, session: Session): Promise<RequestState> {
    const { _id, user, request, state, start, end, hold } = known;
    if (end === undefined || hold === undefined || !isOpen(known)) return toldAs(state);
    const accounts = this.#accounts(session);
    const step = { user, request, cost: end.cost, messageId: end.id, hold };
    const isPaid = await accounts.settle(step, start?.cost ?? 0);
    await this.#onWrite('settle');
    const closed = await this.#close(_id, isPaid ? 'settled' : 'abandoned', session);
    await accounts.forget(step);
    await this.#onWrite('forget');
    return closed;
  }

  /** Writes how it ended, unless another instance did; resolves with what is valid. */
  async #close(_id: string, state: 'settled' | 'abandoned', session: Session): Promise<RequestState> {
    const stillOpen = { _id, state: { $in: ['reserved', 'expired'] as StoredState[] } };
    const { modifiedCount } = await this.#requests.updateOne(
      stillOpen,
      { $set: { state } },
      inSession(session),
    );
    await this.#onWrite('close');
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
