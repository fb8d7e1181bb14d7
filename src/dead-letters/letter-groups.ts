import type { GroupReport, LetterGroup, LetterSummary } from '../contract/dead-letter-desk.js';

/** Most groups that are told apart; a producer that makes error names up must not fill the memory. */
const GROUPS_MAX = 10_000;

type Growing = { -readonly [Key in keyof LetterGroup]: LetterGroup[Key] };

const earlier = (a: string | null, b: string | null): string | null =>
  a === null || (b !== null && b < a) ? b : a;
const later = (a: string | null, b: string | null): string | null =>
  a === null || (b !== null && b > a) ? b : a;

/** Counts letters by group, one after another. */
export class LetterGroups {
  readonly #groups = new Map<string, Growing>();
  #letters = 0;
  #others = 0;

  add(letter: LetterSummary): void {
    this.#letters += 1;
    const group = this.#groups.get(letter.group) ?? this.#open(letter);
    if (group === null) {
      this.#others += 1;
      return;
    }
    group.letters += 1;
    group.brokers = { ...group.brokers, [letter.broker]: (group.brokers[letter.broker] ?? 0) + 1 };
    group.firstFailedAt = earlier(group.firstFailedAt, letter.failedAt);
    group.lastFailedAt = later(group.lastFailedAt, letter.failedAt);
  }

  #open({ group, consumer, errorType, frame, errorMessage, ref }: LetterSummary): Growing | null {
    if (this.#groups.size >= GROUPS_MAX) return null;
    const times = { firstFailedAt: null, lastFailedAt: null };
    const opened = {
      group,
      consumer,
      errorType,
      frame,
      letters: 0,
      brokers: {},
      ...times,
      errorMessage,
      example: ref,
    };
    this.#groups.set(group, opened);
    return opened;
  }

  report(): GroupReport {
    const groups = [...this.#groups.values()].sort((a, b) => b.letters - a.letters);
    return { letters: this.#letters, groups, others: this.#others };
  }
}
