import type { Inbox } from '../contract/inbox.js';
import type { LetterLedger } from '../contract/letter-ledger.js';
import type { DeskLetter } from './desk-letter.js';
import type { DeskConsumer } from './desk-parts.js';

/** What guards a replay. */
export interface Guards {
  readonly inbox: Inbox | null;
  /** Of the letter's place; `null` also for a queue, which needs none. */
  readonly ledger: LetterLedger | null;
}

/** What an operator should know before a letter is replayed. */
export function noteOf(
  { position, summary }: DeskLetter,
  { definition }: DeskConsumer,
  guards: Guards,
): string[] {
  const notes: string[] = [];
  if (guards.inbox === null || !definition.inbox) {
    notes.push(
      `"${definition.name}" has no inbox: at least once, an effect can repeat, and errors are not watched.`,
    );
  } else if (!guards.inbox.isShared) {
    notes.push(
      `The inbox of "${definition.name}" is one process' memory: unless that is this process, at least once, an effect can repeat, and errors are not watched.`,
    );
  }
  if (position !== null && guards.ledger === null) {
    notes.push(
      `Nothing can be taken out of "${summary.place}", and no store remembers what was replayed: its letters are offered again.`,
    );
  }
  return notes;
}

/** Sentences, each once. */
export class ReplayNotes {
  readonly #notes = new Set<string>();

  add(notes: readonly string[]): void {
    for (const note of notes) this.#notes.add(note);
  }

  report(): readonly string[] {
    return [...this.#notes];
  }
}
