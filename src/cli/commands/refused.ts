import type { Refused } from '../command.js';
import { plain } from '../text.js';

/** A line per reason for which letters are refused. */
export const refusedText = (refused: readonly Refused[]): string =>
  refused
    .map(({ why, text, letters, example }) => plain(`${letters} refused, ${why}: ${text} (${example})`))
    .map((line) => `${line}\n`)
    .join('');
