/** One dead letter in a log, from which nothing can be taken out. */
export interface LetterPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  /** Of the record, ms since the epoch: a topic that was deleted and made anew counts its offsets from 0 again. */
  readonly timestampMs: number;
}

/** What was done with a letter. `replaying`: somebody is about to publish it, or ended before it was told. */
export type LetterMark = 'replaying' | 'replayed' | 'purged';

/** `ours`: go on, then `finish` or `release` it. Otherwise what somebody else does or did with it. */
export type LetterClaim = 'ours' | LetterMark;

/**
 * Remembers what was done with dead letters in a log. Per letter: nothing → `replaying(token)` → `replayed` | `purged`, by
 * compare-and-set, so that of two operators one acts. A `replaying` whose owner began longer ago than the lease is taken
 * over: what its owner may have published is published again with the same id and generation, and the inbox drops it.
 * Every promise rejects when the store does not answer.
 */
export interface LetterLedger {
  /** What was done with each letter, in order; `null`: nothing. */
  marksOf(letters: readonly LetterPosition[]): Promise<readonly (LetterMark | null)[]>;
  /** Claims a letter under a fresh token. */
  begin(letter: LetterPosition, token: string): Promise<LetterClaim>;
  /** Ends the claim; `false`: it was taken over, and whoever did ends it. */
  finish(letter: LetterPosition, token: string, mark: 'replayed' | 'purged'): Promise<boolean>;
  /** Gives the claim back: nothing was published. */
  release(letter: LetterPosition, token: string): Promise<void>;
}
