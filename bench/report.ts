import { cpus } from 'node:os';
import { styleText } from 'node:util';
import { isMet, type RowResult } from './row.js';

const figure = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);

const times = (value: number): string => `${value.toFixed(2)}×`;

function cellsOf(row: RowResult): string[] {
  const [low, high] = row.sameAgainstSame;
  return [
    row.name,
    `${figure(row.ours)} ${row.unit}`,
    `${figure(row.theirs)} ${row.unit}`,
    times(row.ratio),
    row.goal === null ? 'stated' : `${times(row.goal)} (${times(row.stretch)})`,
    `${low.toFixed(2)}–${high.toFixed(2)}`,
    row.goal === null ? '' : isMet(row) ? 'yes' : 'no',
  ];
}

const HEAD = ['row', 'ours', 'theirs', 'ratio', 'goal (stretch)', 'theirs/theirs', 'met'];

/** The table as Markdown, which is also readable in a terminal. */
export function tableOf(rows: readonly RowResult[]): string {
  const lines = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length)));
  const draw = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  const [head, ...body] = lines.map(draw);
  return [head, rule, ...body].join('\n');
}

/** What was measured where and when; figures mean nothing without it. */
export function machineLine(): string {
  const processors = cpus();
  const date = new Date().toISOString().slice(0, 10);
  return `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}, Node ${process.versions.node}, ${date}`;
}

/** One line about a row that has just ended. */
export function progressLine(row: RowResult): string {
  const mark = isMet(row) ? styleText('green', '✓') : styleText('yellow', '·');
  return `${process.stdout.isTTY ? mark : isMet(row) ? 'met ' : 'miss'} ${times(row.ratio)} ${row.name}`;
}
