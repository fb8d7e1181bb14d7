import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ROOT } from '../../support/run-program.js';
import { blocksOf, type Page, readPages } from './pages.js';

const pages = readPages();

/** A heading as the fragment of a link, the way code hosts make it. */
const fragmentOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const fragmentsOf = ({ text }: Page): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => fragmentOf(heading));

/** Why a link of a page leads nowhere; `null` if it does not. */
function problemOf(page: Page, link: string): string | null {
  const [target = '', fragment] = link.split('#');
  const path = target === '' ? page.path : normalize(join(dirname(page.path), target));
  if (!existsSync(join(ROOT, path))) return `${page.path}: ${link} is not there`;
  const linked = pages.find((one) => one.path === path);
  if (fragment === undefined || linked === undefined) return null;
  return fragmentsOf(linked).includes(fragment) ? null : `${page.path}: ${link} has no such heading`;
}

describe('the documentation', () => {
  test('links to pages and headings that are there', () => {
    const problems = pages.flatMap((page) =>
      [...page.text.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, link = '']) => link)
        .filter((link) => !/^[a-z]+:/.test(link))
        .map((link) => problemOf(page, link)),
    );
    expect(problems.filter((problem) => problem !== null)).toEqual([]);
  });

  test('names only npm scripts that are there', () => {
    const scripts = Object.keys(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts);
    const named = pages.flatMap(({ path, text }) =>
      [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => ({ path, name })),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ name }) => !scripts.includes(name))).toEqual([]);
  });

  test('shows JSON that can be parsed', () => {
    const blocks = pages.flatMap((page) => blocksOf(page, 'json'));
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(() => JSON.parse(block)).not.toThrow();
  });

  test('lists every decision', () => {
    const decisions = pages.filter(({ path }) => /^docs\/adr\/\d{4}-/.test(path));
    const index = pages.find(({ path }) => path === join('docs', 'adr', 'README.md'));
    expect(decisions.length).toBeGreaterThanOrEqual(6);
    for (const { path } of decisions) expect(index?.text).toContain(`(${path.replace('docs/adr/', '')})`);
  });
});
