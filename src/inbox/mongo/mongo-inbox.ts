import type mongoose from 'mongoose';
import type { Clock } from '../../contract/clock.js';
import { parseDurationMs } from '../../contract/duration.js';
import { BuscouplerError } from '../../contract/errors.js';
import type {
  ClaimOutcome,
  Inbox,
  InboxClaim,
  InboxCopy,
  InboxState,
  InboxTransactions,
} from '../../contract/inbox.js';
import type { StoreInspection } from '../../contract/inspection.js';
import { unknownOptions } from '../../contract/known-options.js';
import type { LetterLedger } from '../../contract/letter-ledger.js';
import { answerWithin } from './answer-within.js';
import { type ClaimStore, claimRecords } from './claim-records.js';
import { inspectStore } from './inspect.js';
import { mongoLedger } from './letter-ledger.js';
import { moveRecords, releaseRecords } from './mark-records.js';
import { beginTransaction, prepareTransactions } from './mongo-transactions.js';
import { openRecords, provisionRecords } from './open-records.js';
import { type HeldClaim, isSettledFor, keyOf, type Records } from './record.js';
import { Renewals } from './renewals.js';
import { Sightings } from './sightings.js';
import { isTransient } from './store-errors.js';
import { writesTo } from './write-commands.js';

/** Options of `mongoInbox`. */
export interface MongoInboxOptions {
  /**
   * Name of the collection, in the database of the connection. Default `buscoupler_inbox`. What was done with dead letters
   * of a log is kept beside it, under this name and `_letters`.
   */
  readonly collection?: string;
  /**
   * How long a settled message is remembered, counted from settling, as ms or `'30d'`. It must exceed `maxMessageAge` + the
   * retry span of every consumer + `deadLetters.maxReplayAge`. Default 30 days. An index that keeps longer is left as it is.
   */
  readonly ttl?: number | string;
  /** How long a claim must have stood still before another instance takes it over, as ms or `'30s'`. Default 30 s, at least 1 s. */
  readonly lease?: number | string;
  /** Owners that may end without a word before the message is buried as `poison`. Default 20. */
  readonly maxClaims?: number;
  /** Longest wait for an answer of the store, and for all that `start` needs, as ms or `'10s'`. Default 10 s. */
  readonly timeout?: number | string;
}

/** What an inbox is made of, besides its options. */
export interface MongoInboxParts {
  readonly clock: Clock;
}

const KNOWN = ['collection', 'ttl', 'lease', 'maxClaims', 'timeout'] satisfies (keyof MongoInboxOptions)[];

/** Most copies in one call. */
const BULK_SIZE = 500;

/** A bulk of claims waits for so long at most, in which the server can take hundreds that nobody holds. */
const TAKEOVER_MAX_MS = 250;

const LEASE_MIN_MS = 1_000;

interface Settings {
  readonly collection: string;
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly maxClaims: number;
  readonly timeoutMs: number;
}

function settingsOf(options: MongoInboxOptions): Settings {
  const { collection = 'buscoupler_inbox', ttl = '30d', lease = '30s', timeout = '10s' } = options;
  const settings: Settings = {
    collection,
    ttlMs: parseDurationMs(ttl, 'mongoInbox: ttl'),
    leaseMs: parseDurationMs(lease, 'mongoInbox: lease'),
    maxClaims: options.maxClaims ?? 20,
    timeoutMs: parseDurationMs(timeout, 'mongoInbox: timeout'),
  };
  const problem = unknownOptions('', options, KNOWN) ?? problemOf(settings);
  if (problem !== null) throw new BuscouplerError('BC_DEFINITION_INVALID', `mongoInbox: ${problem}.`);
  return settings;
}

function problemOf({ ttlMs, leaseMs, maxClaims, timeoutMs }: Settings): string | null {
  if (ttlMs < 1_000) return 'ttl must be at least 1 s';
  if (leaseMs < LEASE_MIN_MS) return `lease must be at least ${LEASE_MIN_MS} ms`;
  if (timeoutMs < 1) return 'timeout must be at least 1 ms';
  return Number.isInteger(maxClaims) && maxClaims >= 1 ? null : 'maxClaims must be a whole number from 1';
}

/** An inbox in MongoDB. See `mongoInbox` of `buscoupler/mongo`. */
export class MongoInbox implements Inbox {
  readonly isShared = true;
  readonly bulkSize = BULK_SIZE;
  readonly ttlMs: number;
  readonly transactions: InboxTransactions;
  readonly letters: LetterLedger;
  readonly #connection: mongoose.Connection;
  readonly #clock: Clock;
  readonly #settings: Settings;
  #store: (ClaimStore & { readonly renewals: Renewals }) | null = null;

  constructor(connection: mongoose.Connection, options: MongoInboxOptions, { clock }: MongoInboxParts) {
    this.#connection = connection;
    this.#clock = clock;
    this.#settings = settingsOf(options);
    this.ttlMs = this.#settings.ttlMs;
    this.letters = mongoLedger(connection, {
      clock,
      collection: `${this.#settings.collection}_letters`,
      timeoutMs: this.#settings.timeoutMs,
    });
    this.transactions = {
      prepare: (consumer, timeoutMs) => this.#within(prepareTransactions(connection, consumer, timeoutMs)),
      begin: (consumer, copy, token) =>
        beginTransaction(
          { connection, clock, timeoutMs: this.#settings.timeoutMs, ...this.#opened },
          { key: keyOf(consumer, copy), token },
        ),
      isTransient,
    };
  }

  async start(): Promise<void> {
    await this.#within(this.#provision());
    this.#store ??= this.#open();
  }

  async #provision(): Promise<void> {
    await this.#connection.asPromise();
    await provisionRecords(this.#connection, this.#settings);
  }

  inspect(): Promise<StoreInspection> {
    return this.#within(inspectStore(this.#connection, this.#settings, this.#clock));
  }

  /** Stops renewing; the connection is its owner's. */
  close(): void {
    this.#store?.renewals.stop();
    this.#store = null;
  }

  async claim(
    consumer: string,
    copies: readonly InboxCopy[],
    token: string,
  ): Promise<readonly ClaimOutcome[]> {
    const store = this.#opened;
    const firsts = new Map<string, number>();
    const keys = copies.map((copy, place) => {
      const key = keyOf(consumer, copy);
      if (!firsts.has(key)) firsts.set(key, place);
      return key;
    });
    const wanted = [...firsts].map(([key, place]) => ({
      key,
      attempt: (copies[place] as InboxCopy).attempt,
    }));
    const limitMs = this.#settings.timeoutMs + store.takeoverMs;
    const outcomes = await answerWithin(this.#clock, limitMs, claimRecords(store, wanted, token));
    store.renewals.hold(token, ownedIn(outcomes));
    return keys.map((key, place) => {
      const outcome = outcomes.get(key) ?? 'busy';
      // A second copy of one message in one call: the first one has it.
      return firsts.get(key) === place || outcome === 'settled' ? outcome : 'busy';
    });
  }

  markDone(consumer: string, claims: readonly InboxClaim[]): Promise<readonly boolean[]> {
    return this.#settle(consumer, claims, 'done');
  }

  markDead(consumer: string, claims: readonly InboxClaim[]): Promise<readonly boolean[]> {
    return this.#settle(consumer, claims, 'dead');
  }

  async markBurying(consumer: string, claims: readonly InboxClaim[]): Promise<readonly boolean[]> {
    const { records, renewals } = this.#opened;
    const held = claims.map((claim) => heldOf(consumer, claim));
    const areOurs = await this.#within(moveRecords(records, held, 'burying'));
    renewals.letGo(held.filter((_, place) => areOurs[place] !== true));
    return areOurs;
  }

  async release(consumer: string, claims: readonly InboxClaim[]): Promise<readonly boolean[]> {
    const { records, renewals } = this.#opened;
    const releases = claims.map((claim) => ({ ...heldOf(consumer, claim), attempt: claim.copy.attempt }));
    renewals.letGo(releases);
    return this.#within(releaseRecords(records, releases));
  }

  async areSettled(consumer: string, copies: readonly InboxCopy[]): Promise<readonly boolean[]> {
    const found = await this.#find(consumer, copies);
    return copies.map((copy) => {
      const record = found.get(keyOf(consumer, copy));
      return record !== undefined && isSettledFor(record, copy.attempt);
    });
  }

  async statesOf(consumer: string, copies: readonly InboxCopy[]): Promise<readonly (InboxState | null)[]> {
    const found = await this.#find(consumer, copies);
    return copies.map((copy) => found.get(keyOf(consumer, copy))?.state ?? null);
  }

  get #opened() {
    if (this.#store !== null) return this.#store;
    throw new BuscouplerError('BC_INBOX_UNAVAILABLE', 'The inbox has not been started.');
  }

  #open() {
    const { leaseMs, maxClaims, timeoutMs } = this.#settings;
    const records: Records = openRecords(this.#connection, this.#settings);
    return {
      records,
      writes: writesTo(this.#connection, this.#settings),
      sightings: new Sightings(),
      renewals: new Renewals({ records, clock: this.#clock, leaseMs, timeoutMs }),
      monotonicMs: () => this.#clock.monotonicMs(),
      leaseMs,
      maxClaims,
      takeoverMs: Math.min(TAKEOVER_MAX_MS, timeoutMs),
    };
  }

  /** Whether the answer comes or not, the claims are renewed no longer: a store that is away must not keep them for ever. */
  async #settle(
    consumer: string,
    claims: readonly InboxClaim[],
    state: 'done' | 'dead',
  ): Promise<readonly boolean[]> {
    const { records, renewals } = this.#opened;
    const held = claims.map((claim) => heldOf(consumer, claim));
    renewals.letGo(held);
    return this.#within(moveRecords(records, held, state));
  }

  #within<Answer>(asked: Promise<Answer>): Promise<Answer> {
    return answerWithin(this.#clock, this.#settings.timeoutMs, asked);
  }

  async #find(consumer: string, copies: readonly InboxCopy[]) {
    const keys = copies.map((copy) => keyOf(consumer, copy));
    const projection = { state: 1, attempt: 1 } as const;
    const found = this.#opened.records.find({ _id: { $in: keys } }, { projection });
    const records = await this.#within(found.toArray());
    return new Map(records.map((record) => [record._id, record]));
  }
}

function* ownedIn(outcomes: ReadonlyMap<string, ClaimOutcome>): Generator<string> {
  for (const [key, outcome] of outcomes) if (outcome !== 'settled' && outcome !== 'busy') yield key;
}

const heldOf = (consumer: string, { copy, token }: InboxClaim): HeldClaim => ({
  key: keyOf(consumer, copy),
  token,
});
