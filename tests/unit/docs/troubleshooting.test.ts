import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { EVENT_NAMES } from '../../../src/observability/log-events.js';
import { CHECKS } from '../../../src/preflight/checks.js';
import { ROOT } from '../../support/run-program.js';
import { readPages } from './pages.js';

const textOf = (path: string): string => readPages().find((page) => page.path === path)?.text ?? '';

/** A symptom is a heading of the third level with what shows it, its cause and its cure. */
const symptoms = textOf('docs/guide/troubleshooting.md')
  .split(/^### /m)
  .slice(1)
  .map((section) => ({
    title: section.slice(0, section.indexOf('\n')),
    of: (name: string): string => new RegExp(`^- ${name}: (.+(?:\\n {2}.+)*)$`, 'm').exec(section)?.[1] ?? '',
  }));

const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'));

/** The literal with its values cut out, as the pages write it. */
const literals = new Set(
  sources.flatMap((source) =>
    [...source.matchAll(/'((?:[^'\\\n]|\\.)*)'|`([^`]*)`/g)].map(([, plain, template]) =>
      (plain ?? template ?? '').replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…'),
    ),
  ),
);
/** Whether a literal has this line in it; a value at its end may be cut off by the page. */
const isSaid = (line: string): boolean => [...literals].some((literal) => literal.includes(line));

test('every symptom says what shows it, why it is so and what to do', () => {
  expect(symptoms.length).toBeGreaterThan(15);
  for (const { title, of } of symptoms)
    for (const name of ['Log', 'Check', 'Cause', 'Cure'])
      expect(`${title}: ${name}: ${of(name)}`).toMatch(/: .{5,}$/s);
});

test('every log line that is quoted is one that the library writes', () => {
  const quoted = symptoms.flatMap(({ of }) =>
    [...of('Log').matchAll(/`([^`]+)`/g)].map(([, line = '']) => line),
  );
  expect(quoted.length).toBeGreaterThan(symptoms.length);
  expect(quoted.filter((line) => !isSaid(line))).toEqual([]);
  expect(isSaid('… lost, trying once: …')).toBe(false);
});

test('every finding that is named is one that a check has', () => {
  const named = symptoms.flatMap(({ of }) =>
    [...of('Check').matchAll(/\[([^\]]+)\]/g)].map(([, id = '']) => id),
  );
  expect(named.filter((id) => !(id in CHECKS))).toEqual([]);
  const inProduction = [...textOf('docs/guide/production.md').matchAll(/\(([^()]*)\)/g)]
    .flatMap(([, inside = '']) => [...inside.matchAll(/`((?:kafka|rabbitmq|inbox)-[a-z-]+)`/g)])
    .map(([, id = '']) => id);
  expect(inProduction.length).toBeGreaterThan(15);
  expect(inProduction.filter((id) => !(id in CHECKS))).toEqual([]);
});

test('every alarm is an event of the bus', () => {
  const [, table = ''] = textOf('docs/guide/production.md').split('## Alarms');
  const alarms = [...table.matchAll(/^\| ([^|]+)\|/gm)]
    .flatMap(([, cell = '']) => [...cell.matchAll(/`([a-z]+-[a-z-]+)`/g)])
    .map(([, name = '']) => name);
  expect(alarms.length).toBeGreaterThan(8);
  expect(alarms.filter((name) => !(EVENT_NAMES as readonly string[]).includes(name))).toEqual([]);
});

test('every number of the sizing table is one that was measured', () => {
  const [, sizing = ''] = textOf('docs/guide/production.md').split('## Sizing');
  const numbers = [...sizing.matchAll(/^\| [^|]+\| ([\d,]+) +\|$/gm)].map(([, number = '']) => number);
  const measured = textOf('docs/reference/performance.md');
  expect(numbers.length).toBeGreaterThan(5);
  expect(numbers.filter((number) => !measured.includes(`| ${number} msg/s |`))).toEqual([]);
});
