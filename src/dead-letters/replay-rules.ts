import type { LetterRefusal, RefusedLetters } from '../contract/dead-letter-desk.js';
import { formatDurationMs } from '../contract/duration.js';
import type { DeskLetter } from './desk-letter.js';
import type { ReplayLimits } from './desk-parts.js';

/** A letter and why it is refused. */
export interface Refusal {
  readonly why: LetterRefusal;
  readonly text: string;
}

/** What letters are judged by. */
export interface ReplayJudge {
  readonly limits: ReplayLimits;
  readonly nowMs: number;
  /** The body alone is replayed, or the headers come from a file: whether they can be decoded does not matter. */
  readonly needsNoHeaders: boolean;
}

/** Why a letter must not be replayed; `null`: it may. */
export function refusalOf({ summary, consumer, failedAtMs }: DeskLetter, judge: ReplayJudge): Refusal | null {
  const { maxReplays, maxReplayAgeMs } = judge.limits;
  if (consumer === null) {
    const who =
      summary.consumer === null
        ? 'It does not say whose it is.'
        : `There is no consumer "${summary.consumer}".`;
    return { why: 'consumer-unknown', text: who };
  }
  if (summary.problem !== undefined && !judge.needsNoHeaders) {
    const text = `Its headers cannot be decoded (${summary.problem}); replay it without headers, or from a mended file.`;
    return { why: 'undecodable', text };
  }
  if (summary.replayCount >= maxReplays) {
    return {
      why: 'replayed-too-often',
      text: `It was replayed ${maxReplays} times (deadLetters.maxReplays).`,
    };
  }
  if (failedAtMs !== null && judge.nowMs - failedAtMs > maxReplayAgeMs) {
    const text = `It died over ${formatDurationMs(maxReplayAgeMs)} ago (deadLetters.maxReplayAge).`;
    return { why: 'too-old', text };
  }
  return null;
}

/** Counts what is refused, by reason, with the first letter of each. */
export class Refusals {
  readonly #byReason = new Map<LetterRefusal, RefusedLetters>();

  add({ why, text }: Refusal, ref: string): void {
    const before = this.#byReason.get(why) ?? { why, text, letters: 0, example: ref };
    this.#byReason.set(why, { ...before, letters: before.letters + 1 });
  }

  report(): readonly RefusedLetters[] {
    return [...this.#byReason.values()];
  }
}
