import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ProgramResult, ROOT, type RunProgramOptions, runProgram } from '../../support/run-program.js';
import { blocksOf, readPages } from './pages.js';

/** The TypeScript of one page is one module, told in pieces. Reference pages are generated from the sources. */
const pages = readPages()
  .filter(({ path }) => !path.startsWith(join('docs', 'reference')))
  .map((page) => ({ path: page.path, code: blocksOf(page, 'ts').join('\n') }))
  .filter(({ code }) => code !== '');
const fileOf = (path: string): string => `${path.replaceAll(/\W/g, '_')}.ts`;

let folder: string;
beforeAll(() => {
  const cache = join(ROOT, '.cache');
  mkdirSync(cache, { recursive: true });
  // Below the project, so that its libraries are found.
  folder = mkdtempSync(join(cache, 'samples-'));
  for (const { path, code } of pages) writeFileSync(join(folder, fileOf(path)), code);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../tsconfig.json',
      compilerOptions: {
        paths: {
          buscoupler: ['../../src/index.ts'],
          'buscoupler/kafka-client': ['../../src/compat/kafka-client.ts'],
          'buscoupler/mongo': ['../../src/mongo.ts'],
          'buscoupler/testing': ['../../src/testing/index.ts'],
        },
      },
      include: ['*.ts', '../../src/**/*.d.ts'],
    }),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the TypeScript of a page as a program, with embedded brokers. */
const runPage = (path: string, onOutput?: RunProgramOptions['onOutput']): Promise<ProgramResult> =>
  runProgram([process.execPath, '--import', 'tsx', join(folder, fileOf(path))], {
    env: { EMBEDDED: 'true', LOG_LEVEL: 'silent', TSX_TSCONFIG_PATH: join(folder, 'tsconfig.json') },
    ...(onOutput && { onOutput }),
  });

describe('the samples of the documentation', () => {
  test('are there', () => {
    expect(pages.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['README.md', 'MIGRATION.md', join('docs', 'guide', 'getting-started.md')]),
    );
  });

  test('fit the types of the library', async () => {
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    expect(await runProgram([process.execPath, tsc, '-p', folder])).toMatchObject({ code: 0, stdout: '' });
  });

  test('the example of the README runs as written and ends when it is told to', async () => {
    const { code, stdout, stderr } = await runPage('README.md', (_, kill) => kill('SIGTERM'));
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'user-123 used chat\n', stderr: '' });
  });

  test('the getting-started guide runs as written', async () => {
    const { code, stdout } = await runPage(join('docs', 'guide', 'getting-started.md'));
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines).toContain("{ kafka: 'stored', rabbitmq: 'stored' }");
    const handled = lines
      .filter((line) => line.startsWith('user-123'))
      .map((line) => line.replace(/ at \S+/, ''));
    expect(handled).toEqual(['user-123 used chat (from rabbitmq)', 'user-123 used translate (from kafka)']);
  });

  test('what other libraries looked like becomes a program that runs as written', async () => {
    let shown = '';
    const { code, stderr } = await runPage(join('docs', 'guide', 'coming-from.md'), (chunk, kill) => {
      shown += chunk;
      if (shown.split('\n').length > 4) kill('SIGTERM');
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(shown.trimEnd().split('\n').sort()).toEqual([
      'booked 1200 of ann',
      'invoice for ann',
      'logged chat',
      'welcome ann@example.com',
    ]);
  });

  test("the page about the guide's client runs as written and ends when it is told to", async () => {
    const wanted = ['logged user-id', 'mailed user@example.com', "{ kafka: 'stored', rabbitmq: 'stored' }"];
    let said = '';
    const { code, stdout, stderr } = await runPage(
      join('docs', 'guide', 'kafka-client.md'),
      (chunk, kill) => {
        const isComplete = (): boolean => wanted.every((line) => said.includes(line));
        if (isComplete()) return; // a second signal would kill it
        said += chunk;
        if (isComplete()) kill('SIGTERM');
      },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trim().split('\n').sort()).toEqual(wanted);
  });

  test('the tests of the testing guide pass', async () => {
    const { code, stdout } = await runPage(join('docs', 'guide', 'testing.md'));
    expect(stdout).toMatch(/^(#|ℹ) pass 3$/m);
    expect(code).toBe(0);
  });
});
