import mongoose from 'mongoose';
import type { RequestState } from './credits-process.store.js';

/** A request that its account knows of: from the write that reserves for it to the one that forgets it. */
export interface OpenRequest {
  readonly request: string;
  readonly startId: string;
  /** Unique to the write that reserved; the request's own record says which one counts. */
  readonly hold: string;
  /** Held for it; 0 once it expired or was settled. */
  readonly reserved: number;
  /** When what is held goes back; `null`: it did, or was paid. */
  readonly expiresAt: Date | null;
  readonly forgetAt: Date;
  /** The message that settled it; `null`: none yet. */
  readonly endId: string | null;
}

/** The balance of one user. Every change of it is one conditional write of this document, which holds the message's id. */
export interface AccountRecord {
  /** The user. */
  readonly _id: string;
  readonly available: number;
  readonly reserved: number;
  readonly spent: number;
  readonly owed: number;
  /** Only those that are not settled and not forgotten: the document does not grow with what was paid. */
  readonly open: readonly OpenRequest[];
  /** Ids of the last ones. */
  readonly topUps: readonly string[];
}

/** `new`: its start is there, and nothing is decided yet. */
export type StoredState = RequestState | 'new';

/** What is known of one request, for good. */
export interface RequestRecord {
  /** `{user}/{request}`, both encoded. */
  readonly _id: string;
  readonly user: string;
  readonly request: string;
  readonly state: StoredState;
  /** What it holds in the account; absent: nothing was reserved for it. */
  readonly hold?: string;
  /** The first message of its kind. */
  readonly start?: { readonly id: string; readonly cost: number };
  readonly end?: { readonly id: string; readonly cost: number };
}

const whole = { type: Number, required: true, default: 0 };

const accountSchema = new mongoose.Schema<AccountRecord>(
  {
    _id: String,
    available: whole,
    reserved: whole,
    spent: whole,
    owed: whole,
    open: [
      new mongoose.Schema<OpenRequest>(
        {
          request: String,
          startId: String,
          hold: String,
          reserved: Number,
          expiresAt: Date,
          forgetAt: Date,
          endId: String,
        },
        { _id: false },
      ),
    ],
    topUps: [String],
  },
  { versionKey: false, autoIndex: false, autoCreate: false },
);
accountSchema.index({ 'open.expiresAt': 1 });
accountSchema.index({ 'open.forgetAt': 1 });

const step = { id: String, cost: Number };

const requestSchema = new mongoose.Schema<RequestRecord>(
  { _id: String, user: String, request: String, state: String, hold: String, start: step, end: step },
  { versionKey: false, autoIndex: false, autoCreate: false },
);

/** Both models of the module on a connection. */
export const creditsModels = (connection: mongoose.Connection) => ({
  accounts: connection.model('CreditsAccount', accountSchema, 'credits_accounts'),
  requests: connection.model('CreditsRequest', requestSchema, 'credits_requests'),
});

/** Their collections: conditional writes and pipelines go past the casting of models. */
export interface CreditsCollections {
  readonly accounts: mongoose.mongo.Collection<AccountRecord>;
  readonly requests: mongoose.mongo.Collection<RequestRecord>;
}

export const collectionsOf = ({
  accounts,
  requests,
}: ReturnType<typeof creditsModels>): CreditsCollections => ({
  accounts: accounts.collection as unknown as CreditsCollections['accounts'],
  requests: requests.collection as unknown as CreditsCollections['requests'],
});

/** Where the record of a request is. */
export const requestKey = (user: string, request: string): string =>
  `${encodeURIComponent(user)}/${encodeURIComponent(request)}`;
