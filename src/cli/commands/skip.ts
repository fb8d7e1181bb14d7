import type { DeskCommand, SkipAnswer } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { json, type Paint, plain } from '../text.js';

/** Options of `skip`. */
export interface SkipOptions {
  readonly consumer: string;
  readonly position: string;
  readonly execute?: boolean;
}

const codeOf = ({ end, batch }: SkipAnswer): ExitCode =>
  end === 'preview' && batch !== null ? EXIT.pending : EXIT.done;

function page({ end, batch }: SkipAnswer, paint: Paint): string {
  if (batch === null) return 'Nothing is stuck there.\n';
  const { topic, partition, firstOffset, lastOffset, isStored } = batch;
  const where = plain(`${topic}/${partition}, offsets ${firstOffset} to ${lastOffset}`);
  if (end === 'preview') return `${where} would be stepped over. Nothing was changed. Act with --execute.\n`;
  const kept = isStored ? 'its bytes are a dead letter' : 'its bytes are in the topic only';
  return `${paint('green', 'Done.')} ${where} was stepped over; ${kept}.\n`;
}

/** Steps over a batch that no client can decode; a preview unless `--execute`. */
export const skip: DeskCommand<SkipOptions> = async ({ desk, io, isJson, paint }, options) => {
  const report = await desk.skip(options);
  await io.out(isJson ? `${json(report, 2)}\n` : page(report, paint));
  return codeOf(report);
};
