import { expect, test } from '@jest/globals';
import { ROOT, runProgram } from '../support/run-program.js';
import { commandsOf, readPages } from '../unit/docs/pages.js';

/** Why a command of a page is run by no test. Everything else has to be run. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'npm ci': 'it replaces the libraries that this test runs on; `.ci/run` begins with it',
  'npm test': 'it is what runs this test',
  'npm install buscoupler zod': 'the package test installs the packed package',
  'npm install buscoupler zod mongoose': 'the package test installs the packed package',
};

/** What runs here. `until`: what it says before it is told to end. */
const RUN: Readonly<Record<string, { readonly says: string; readonly until?: string }>> = {
  'npm run demo': { says: 'demo-usage-log' },
  'EMBEDDED=true npm start': { says: 'The server has closed', until: 'The server is ready' },
};

/** Run by the test of the migration page, on real brokers, one after another. */
const IN_MIGRATION = ['MIGRATION.md'];

const shown = readPages()
  .filter(({ path }) => ['README.md', 'MIGRATION.md', 'docs/guide/getting-started.md'].includes(path))
  .flatMap(commandsOf);

test('every command of the first pages is run, or has a reason', () => {
  const known = new Set([...Object.keys(NOT_RUN), ...Object.keys(RUN)]);
  const unknown = shown.filter(({ page, command }) => !IN_MIGRATION.includes(page) && !known.has(command));
  expect(unknown).toEqual([]);
  const commands = new Set(shown.map(({ command }) => command));
  expect([...known].filter((command) => !commands.has(command))).toEqual([]);
});

test.each(Object.entries(RUN))(
  '%s does what the page says',
  async (line, { says, until }) => {
    const words = line.split(' ');
    const isVariable = (word: string) => word.includes('=');
    const env = Object.fromEntries(
      words.filter(isVariable).map((word) => word.split('=') as [string, string]),
    );
    const [program = '', ...args] = words.filter((word) => !isVariable(word));
    let output = '';
    const { code, stdout } = await runProgram([program, ...args], {
      cwd: ROOT,
      // Empty variables win over a developer's own .env.
      env: { HTTP_PORT: '0', MONGODB_URL: '', BUSCOUPLER_FILE: '', ...env },
      onOutput: (chunk, kill) => {
        const before = output;
        output += chunk;
        if (until !== undefined && output.includes(until) && !before.includes(until)) kill('SIGTERM');
      },
    });
    expect(stdout).toContain(says);
    expect(code).toBe(0);
  },
  120_000,
);
