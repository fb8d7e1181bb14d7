import type { DeskCommand, FilterOptions } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { json } from '../text.js';

/** Writes letters as NDJSON, one per line, for `replay --from`. */
export const exportLetters: DeskCommand<FilterOptions> = async ({ desk, io }, options) => {
  for await (const letter of desk.export({ ...options, signal: io.signal })) {
    if (io.signal.aborted) break;
    await io.out(`${json(letter)}\n`);
  }
  return EXIT.done;
};
