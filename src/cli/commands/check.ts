import { checkSetup, type SetupReport } from '../../index.js';
import type { SetupCommand } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { json, type Paint, plain } from '../text.js';

/** Options of `check`. */
export interface CheckOptions {
  /** Longest time for each broker, ms. */
  readonly timeout?: number;
}

type Finding = SetupReport['findings'][number];
type Severity = Finding['severity'];

const COLOURS = { error: 'red', warning: 'yellow', 'not-checked': 'bold', info: 'dim' } as const;
const WIDTH = 'not-checked'.length;
const INDENT = ' '.repeat(WIDTH + 2);

/** Some errors list what is wrong, one to a line. */
const oneLine = (text: string): string => plain(text.replace(/\s*\n\s*/g, ' '));

function show({ severity, where, id, found, expected, cure, page }: Finding, paint: Paint): string {
  const head = `${paint(COLOURS[severity], severity.padEnd(WIDTH))}  ${plain(where)}  ${paint('dim', id)}`;
  if (severity === 'info') return `${head}  ${oneLine(found)}\n`;
  const lines = Object.entries({ found, expected, cure, see: page });
  return [head, ...lines.map(([name, text]) => `${INDENT}${name.padEnd(10)}${oneLine(text)}`), ''].join('\n');
}

const WORDS: readonly (readonly [Severity, string, string])[] = [
  ['error', 'error', 'errors'],
  ['warning', 'warning', 'warnings'],
  ['not-checked', 'not checked', 'not checked'],
  ['info', 'for information', 'for information'],
];

const summaryOf = ({ counts }: SetupReport): string =>
  `${WORDS.map(([severity, one, more]) => `${counts[severity]} ${counts[severity] === 1 ? one : more}`).join(', ')}.\n`;

const codeOf = ({ counts }: SetupReport): ExitCode => {
  if (counts.error > 0) return EXIT.error;
  return counts.warning > 0 ? EXIT.pending : EXIT.done;
};

/** Shows what a check of the set-up found. */
export const check: SetupCommand<CheckOptions> = async ({ given, io, isJson, paint }, { timeout }) => {
  const bounds = timeout === undefined ? {} : { timeoutMs: timeout };
  const report = await checkSetup(given, { ...bounds, signal: io.signal });
  if (isJson) await io.out(`${json(report, 2)}\n`);
  else await io.out(`${report.findings.map((one) => show(one, paint)).join('')}\n${summaryOf(report)}`);
  return codeOf(report);
};
