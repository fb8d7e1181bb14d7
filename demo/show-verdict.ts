import type { Paint } from './paint.js';
import type { ConsumerVerdict, Verdict } from './verdict.js';

const COLUMNS = ['consumer', 'published', 'handled', 'dead-lettered', 'lost', 'handled twice'] as const;
/** Ids of what went wrong that are shown; the rest is counted. */
const MAX_IDS = 5;

const grouped = (count: number): string => count.toLocaleString('en-US');

/** The verdict as lines for people: what was published, one row per consumer, and one sentence. */
export function showVerdict(verdict: Verdict, moves: number, paint: Paint): string[] {
  const { published, stored } = verdict;
  const copies = `kafka ${grouped(stored.kafka)}, rabbitmq ${grouped(stored.rabbitmq)}`;
  return [
    '',
    paint('bold', 'Verdict'),
    `  published ${grouped(published)}; stored on ${copies}${trouble(verdict)}`,
    '',
    ...showTable(verdict, paint),
    '',
    ...showProblems(verdict).map((line) => `  ${paint('red', line)}`),
    showSentence(verdict, moves, paint),
  ];
}

function trouble({ rejected, unanswered }: Verdict): string {
  const parts = [
    ...(rejected > 0 ? [`${grouped(rejected)} refused, as their publisher was told`] : []),
    ...(unanswered > 0 ? [`${grouped(unanswered)} never answered`] : []),
  ];
  return parts.map((part) => `; ${part}`).join('');
}

const cellsOf = (one: ConsumerVerdict): string[] => [
  one.name,
  ...[one.expected, one.handled, one.deadLettered, one.lost.length, one.twice.length].map(grouped),
];

function showTable({ consumers }: Verdict, paint: Paint): string[] {
  const rows = consumers.map(cellsOf);
  const widths = COLUMNS.map((title, column) =>
    Math.max(title.length, ...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `  ${cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('   ')}`;
  return [paint('dim', line(COLUMNS)), ...rows.map(line)];
}

function showProblems({ missingCopies, consumers }: Verdict): string[] {
  const list = (ids: readonly string[]): string => {
    const more = ids.length > MAX_IDS ? ` and ${grouped(ids.length - MAX_IDS)} more` : '';
    return `${ids.slice(0, MAX_IDS).join(', ')}${more}`;
  };
  const problems = [
    ...(missingCopies.length > 0 ? [`on one broker only: ${list(missingCopies)}`] : []),
    ...consumers.flatMap(({ name, lost, twice, wrong }) => [
      ...(lost.length > 0 ? [`${name} lost ${list(lost)}`] : []),
      ...(twice.length > 0 ? [`${name} ended more than once: ${list(twice)}`] : []),
      ...(wrong.length > 0 ? [`${name} ended otherwise than it had to: ${list(wrong)}`] : []),
    ]),
  ];
  return problems;
}

function showSentence({ ok, published }: Verdict, moves: number, paint: Paint): string {
  if (!ok) return `${paint('red', '✗')} This run did not do what it promises; see above.`;
  const what = `All ${grouped(published)} messages are accounted for by their ids: none lost, none handled twice,`;
  return `${paint('green', '✓')} ${what} through ${moves} moves between two brokers.`;
}
