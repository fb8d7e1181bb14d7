import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../support/run-program.js';

/** A page of the documentation. */
export interface Page {
  /** Relative to the project. */
  readonly path: string;
  readonly text: string;
}

const below = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));

/** Every page: those in the root and those below `docs`. */
export function readPages(): readonly Page[] {
  const inRoot = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  return [...inRoot, ...below('docs')]
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

/** The code blocks of a language, in order. */
export const blocksOf = ({ text }: Page, language: string): string[] =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , code = '']) => code);

/** A command that a page shows, one line. Words after ` # ` explain it. */
export interface ShownCommand {
  readonly page: string;
  readonly command: string;
  /** What the page shows as a good answer: the `text` block after it; `null`: nothing. */
  readonly answer: string | null;
}

const ASSIGNMENT = /^[A-Z_]+=\S*$/;
const SHELL = /^```bash\n([\s\S]*?)^```\n(?:\n(?:(?!```|#).*\n)*?```text\n([\s\S]*?)^```)?/gm;

const linesOf = (block: string): string[] =>
  block
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/\s# .*$/, '').trim())
    .filter((line) => line !== '');

/** The commands of a page's `bash` blocks, in order; those that are joined by `&&` one by one. */
export const commandsOf = ({ path, text }: Page): ShownCommand[] =>
  [...text.matchAll(SHELL)].flatMap(([, block = '', answer = null]) =>
    linesOf(block)
      .filter((line) => !ASSIGNMENT.test(line))
      .flatMap((line) => line.split(' && '))
      .map((command) => ({ page: path, command, answer })),
  );

/** The variables that a page's `bash` blocks set on lines of their own. */
export const variablesOf = (page: Page): Record<string, string> =>
  Object.fromEntries(
    blocksOf(page, 'bash')
      .flatMap(linesOf)
      .filter((line) => ASSIGNMENT.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
