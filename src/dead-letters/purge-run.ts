import type { PurgeLetters, PurgeReport } from '../contract/dead-letter-desk.js';
import { describeError } from '../contract/errors.js';
import type { DeskLetter } from './desk-letter.js';
import { type DeskParts, ledgerOf } from './desk-parts.js';
import { askStore } from './inbox-look.js';
import { compileFilter } from './letter-filter.js';
import { readPlaces } from './read-places.js';
import { type Refusal, Refusals } from './replay-rules.js';

const NOT_REMOVABLE: Refusal = {
  why: 'not-removable',
  text: 'Nothing can be taken out of a log, and there is no inbox store that remembers it as purged.',
};
const IN_OTHER_HANDS: Refusal = {
  why: 'in-other-hands',
  text: 'Somebody else replays or purges it, or did.',
};

/** Takes one letter away for good; why not, if it cannot be. */
async function purgeOne(
  { stored, summary, position }: DeskLetter,
  parts: DeskParts,
): Promise<Refusal | null> {
  if (position === null) return (await stored.remove()) ? null : IN_OTHER_HANDS;
  const ledger = ledgerOf(parts.inbox, await parts.open(summary.broker));
  if (ledger === null) return NOT_REMOVABLE;
  const token = parts.newToken();
  if ((await askStore(() => ledger.begin(position, token))) !== 'ours') return IN_OTHER_HANDS;
  return (await askStore(() => ledger.finish(position, token, 'purged'))) ? null : IN_OTHER_HANDS;
}

/** Purges the letters that match, or counts them. */
export async function purgeLetters(parts: DeskParts, options: PurgeLetters): Promise<PurgeReport> {
  const { execute = false, signal } = options;
  const matches = compileFilter(options, parts.clock.epochMs());
  const refusals = new Refusals();
  const report = { end: execute ? ('done' as PurgeReport['end']) : 'preview', matches: 0, purged: 0 };
  let reason: string | null = null;
  const isOver = (): boolean => signal?.aborted === true;
  try {
    for await (const letter of readPlaces(parts, options)) {
      if (isOver()) break;
      if (!matches(letter)) continue;
      report.matches += 1;
      if (!execute) continue;
      const refusal = await purgeOne(letter, parts);
      if (refusal === null) report.purged += 1;
      else refusals.add(refusal, letter.summary.ref);
    }
  } catch (error) {
    if (report.purged === 0) throw error;
    report.end = 'stopped';
    reason = describeError(error);
  }
  if (isOver()) report.end = 'interrupted';
  return { ...report, ...(reason === null ? {} : { reason }), refused: refusals.report() } as PurgeReport;
}
