import type { DeskCommand, FilterOptions, PurgeAnswer } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { json, type Paint, plain } from '../text.js';
import { refusedText } from './refused.js';

/** Options of `purge`. */
export interface PurgeOptions extends FilterOptions {
  readonly consumer: string;
  readonly execute?: boolean;
  readonly confirm?: string;
}

function codeOf({ end, matches, purged, refused }: PurgeAnswer): ExitCode {
  if (end === 'interrupted') return EXIT.interrupted;
  if (end === 'stopped') return EXIT.stopped;
  if (end === 'preview') return matches > 0 ? EXIT.pending : EXIT.done;
  if (refused.length === 0) return EXIT.done;
  return purged === 0 ? EXIT.refused : EXIT.pending;
}

function page(report: PurgeAnswer, consumer: string, paint: Paint): string {
  const { end, matches, purged, reason = '' } = report;
  if (end === 'preview') {
    if (matches === 0) return 'Nothing to purge.\n';
    const how = `--execute --confirm ${plain(consumer)}`;
    return `${matches} letters would be taken away for good. Nothing was changed. Act with ${how}\n`;
  }
  const head = end === 'done' ? paint('green', 'Done.') : paint('red', `${end}.`);
  return `${refusedText(report.refused)}${head} ${plain(reason)}${reason && ' '}${purged} of ${matches} purged.\n`;
}

/** Takes letters away for good; a preview unless `--execute --confirm <consumer>`. */
export const purge: DeskCommand<PurgeOptions> = async ({ desk, io, isJson, paint }, options) => {
  if (options.execute && options.confirm !== options.consumer) {
    io.err(`Refused: --confirm must repeat the name of the consumer, "${plain(options.consumer)}".\n`);
    return EXIT.refused;
  }
  const report = await desk.purge({ ...options, signal: io.signal });
  await io.out(isJson ? `${json(report, 2)}\n` : page(report, options.consumer, paint));
  return codeOf(report);
};
