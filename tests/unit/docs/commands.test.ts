import { expect, test } from '@jest/globals';
import { runCli } from '../../../src/cli/run-cli.js';
import { commandsOf, readPages } from './pages.js';

const CLI = /^(?:npx buscoupler|npm run buscoupler --) /;

/** Words of a command line, up to where its output goes. */
const wordsOf = (command: string): string[] =>
  command
    .replace(CLI, '')
    .replace(/ > .*$/, '')
    .trim()
    .split(/\s+/);

/** What the command line says that it does not take; the configuration file is not read. */
async function refusalOf(command: string): Promise<string> {
  const read = 'the file is read';
  let said = '';
  await runCli(wordsOf(command), {
    out: async () => undefined,
    err: (text) => {
      said += text;
    },
    hasColours: false,
    signal: new AbortController().signal,
    load: () => Promise.reject(new Error(read)),
    lines: async function* () {},
  });
  return said.includes(read) ? '' : said;
}

const shown = [
  ...new Set(
    readPages()
      .flatMap(commandsOf)
      .map(({ command }) => command),
  ),
].filter((command) => CLI.test(command));

test('every command of the command line that a page shows is one that it takes', async () => {
  expect(shown.length).toBeGreaterThan(15);
  for (const command of shown)
    expect({ command, refusal: await refusalOf(command) }).toEqual({ command, refusal: '' });
});

test('a command with an option that is not there is found', async () => {
  expect(await refusalOf('npx buscoupler dead-letters list --config bus.mjs --younger-than 2h')).toContain(
    '--younger-than',
  );
});
