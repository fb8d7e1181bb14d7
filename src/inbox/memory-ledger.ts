import type { Clock } from '../contract/clock.js';
import type { LetterLedger, LetterMark, LetterPosition } from '../contract/letter-ledger.js';

/** How long an operator may take for one letter before another one takes over, ms. */
export const LETTER_LEASE_MS = 60_000;

interface Entry {
  readonly mark: LetterMark;
  readonly token: string;
  readonly atMs: number;
}

/** The letter as one text. */
export const letterKeyOf = ({ topic, partition, offset, timestampMs }: LetterPosition): string =>
  `${topic}/${partition}/${offset}@${timestampMs}`;

/** A ledger in this process' memory: what it remembers dies with it, and other processes see nothing of it. */
export function memoryLedger(clock: Pick<Clock, 'monotonicMs'>): LetterLedger {
  const entries = new Map<string, Entry>();
  const isOurs = (key: string, token: string): boolean => entries.get(key)?.token === token;
  return {
    marksOf: async (letters) => letters.map((letter) => entries.get(letterKeyOf(letter))?.mark ?? null),
    async begin(letter, token) {
      const key = letterKeyOf(letter);
      const nowMs = clock.monotonicMs();
      const entry = entries.get(key);
      const isFree = entry === undefined || entry.token === token || nowMs - entry.atMs > LETTER_LEASE_MS;
      if (entry !== undefined && (entry.mark !== 'replaying' || !isFree)) return entry.mark;
      entries.set(key, { mark: 'replaying', token, atMs: nowMs });
      return 'ours';
    },
    async finish(letter, token, mark) {
      const key = letterKeyOf(letter);
      if (!isOurs(key, token)) return false;
      entries.set(key, { mark, token, atMs: clock.monotonicMs() });
      return true;
    },
    async release(letter, token) {
      const key = letterKeyOf(letter);
      if (isOurs(key, token) && entries.get(key)?.mark === 'replaying') entries.delete(key);
    },
  };
}
