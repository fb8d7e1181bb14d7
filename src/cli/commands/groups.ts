import type { DeskCommand, FilterOptions } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { cut, cutFrame, json, plain, table } from '../text.js';

const HEAD = ['LETTERS', 'CONSUMER', 'ERROR', 'AT', 'FIRST', 'LAST', 'BROKERS', 'GROUP'];

/** Shows how many letters there are of each consumer, error and line of code. */
export const groups: DeskCommand<FilterOptions> = async ({ desk, io, isJson, paint }, options) => {
  const report = await desk.groups({ ...options, signal: io.signal });
  if (isJson) {
    await io.out(`${json(report, 2)}\n`);
    return EXIT.done;
  }
  const rows = report.groups.map((group) =>
    [
      String(group.letters),
      group.consumer ?? '–',
      cut(group.errorType ?? '–', 32),
      cutFrame(group.frame ?? '–', 64),
      group.firstFailedAt ?? '–',
      group.lastFailedAt ?? '–',
      Object.entries(group.brokers)
        .map(([broker, letters]) => `${broker} ${letters}`)
        .join(', '),
      group.group,
    ].map(plain),
  );
  await io.out(rows.length === 0 ? 'No dead letters.\n' : table(HEAD, rows, paint));
  if (report.others > 0) await io.out(`\n${report.others} letters of more groups than can be told apart.\n`);
  return EXIT.done;
};
