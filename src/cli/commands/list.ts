import type { DeskCommand, FilterOptions, LetterLine } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { cut, json, plain, table } from '../text.js';

/** Options of `list`. */
export interface ListOptions extends FilterOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

const HEAD = ['FAILED AT', 'CONSUMER', 'BROKER', 'REASON', 'ERROR', 'REPLAYS', 'ID', 'LETTER'];

const row = (letter: LetterLine): string[] =>
  [
    letter.failedAt ?? '–',
    letter.consumer ?? '–',
    letter.broker,
    letter.reason ?? '–',
    cut([letter.errorType, letter.errorMessage].filter((one) => one !== null).join(': ') || '–', 48),
    String(letter.replayCount),
    letter.id ?? '–',
    letter.ref,
  ].map(plain);

/** Shows one page of letters. */
export const list: DeskCommand<ListOptions> = async ({ desk, io, isJson, paint }, options) => {
  const page = await desk.list({ ...options, signal: io.signal });
  if (isJson) {
    await io.out(`${json(page, 2)}\n`);
    return EXIT.done;
  }
  if (page.letters.length === 0) {
    await io.out('No dead letters.\n');
    return EXIT.done;
  }
  await io.out(table(HEAD, page.letters.map(row), paint));
  if (page.cursor !== null) await io.out(`\nMore with --cursor ${page.cursor}\n`);
  return EXIT.done;
};
