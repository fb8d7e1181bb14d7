import type mongoose from 'mongoose';
import type { InboxCopy, InboxState } from '../../contract/inbox.js';

/** One message of one consumer and generation, as it is stored. */
export interface InboxRecord {
  /** `{consumer}/{generation}/{id}`: consumers' names hold no slash. */
  readonly _id: string;
  readonly state: InboxState;
  /** Of whoever claimed it last; `null`: given back. */
  readonly token: string | null;
  /** The highest attempt that was claimed or stored. */
  readonly attempt: number;
  /** Claims since one was last given back: how often an owner ended without a word, and one. */
  readonly claims: number;
  /** How often the claim was renewed. */
  readonly renewals: number;
  /** How long the claim must have stood still before it may be taken over. */
  readonly leaseMs: number;
  /** Of whoever gave it back last. */
  readonly releasedBy?: string;
  /** Only `done` and `dead` have it: it is what the TTL index looks at. */
  readonly settledAt?: Date;
}

/** States of a record that may have an owner. */
export const OWNED: InboxState[] = ['claimed', 'burying'];

/** The collection, with every setting that safety needs: primary, majority. */
export type Records = mongoose.mongo.Collection<InboxRecord>;

/** A copy and where its record is. */
export interface Wanted {
  readonly key: string;
  readonly attempt: number;
}

/** Where the record of a claim is, and the token that it was claimed under. */
export interface HeldClaim {
  readonly key: string;
  readonly token: string;
}

/** Where the record of a copy is. */
export const keyOf = (consumer: string, { id, generation }: InboxCopy): string =>
  `${consumer}/${generation}/${id}`;

/** True if the copy must be let go of: done, dead, or a later attempt is stored. */
export const isSettledFor = (
  { state, attempt }: Pick<InboxRecord, 'state' | 'attempt'>,
  copyAttempt: number,
): boolean => state === 'done' || state === 'dead' || attempt > copyAttempt;
