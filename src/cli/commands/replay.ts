import type { DeskCommand, FilterOptions, ReplayAnswer } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { json, type Paint, plain, table } from '../text.js';
import { refusedText } from './refused.js';

/** Options of `replay`. */
export interface ReplayOptions extends FilterOptions {
  readonly execute?: boolean;
  readonly rate?: number;
  readonly max?: number;
  readonly canary?: boolean;
  readonly by?: string;
  readonly from?: string;
  readonly withoutHeaders?: boolean;
}

function codeOf({ end, matches, replayed, refused, targets }: ReplayAnswer): ExitCode {
  if (end === 'interrupted') return EXIT.interrupted;
  if (end === 'stopped') return EXIT.stopped;
  if (end === 'preview' && targets.length > 0) return EXIT.pending;
  if (refused.length === 0) return EXIT.done;
  return replayed === 0 && matches > 0 ? EXIT.refused : EXIT.pending;
}

function verdict(report: ReplayAnswer, paint: Paint): string {
  const { end, replayed, handled, diedAgain, reason = '' } = report;
  const counts = `${replayed} replayed; so far ${handled} handled, ${diedAgain} died again.`;
  if (end === 'preview')
    return report.targets.length === 0 ? 'Nothing to replay.' : 'Nothing was changed. Act with --execute.';
  if (end === 'stopped') return `${paint('red', 'Stopped.')} ${plain(reason)} ${counts}`;
  return end === 'interrupted'
    ? `${paint('yellow', 'Interrupted.')} ${counts}`
    : `${paint('green', 'Done.')} ${counts}`;
}

function page(report: ReplayAnswer, paint: Paint): string {
  const rows = report.targets.map(({ letters, consumer, broker, place }) =>
    [String(letters), consumer, broker, place].map(plain),
  );
  return [
    rows.length === 0 ? '' : table(['LETTERS', 'TO CONSUMER', 'ON', 'PLACE'], rows, paint),
    rows.length === 0 ? '' : `At ${report.ratePerSecond} a second.\n`,
    refusedText(report.refused),
    ...report.notes.map((note) => `${paint('yellow', 'Note:')} ${plain(note)}\n`),
    `${verdict(report, paint)}\n`,
  ].join('');
}

/** Sends letters to the consumers that failed on them; a preview unless `--execute`. */
export const replay: DeskCommand<ReplayOptions> = async ({ desk, io, isJson, paint }, options) => {
  const { rate, from, ...rest } = options;
  const report = await desk.replay({
    ...rest,
    ...(rate === undefined ? {} : { ratePerSecond: rate }),
    ...(from === undefined ? {} : { from: io.lines(from) }),
    signal: io.signal,
  });
  await io.out(isJson ? `${json(report, 2)}\n` : page(report, paint));
  return codeOf(report);
};
