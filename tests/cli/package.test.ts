import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ProgramResult, ROOT, runProgram } from '../support/run-program.js';
import { EXPECTED, writePrograms } from './package-programs.js';

/** The folder of a user who installed the packed package. */
let folder: string;
let packed: readonly string[];
let tarball: string;

/** Runs npm and returns what it printed. */
async function npm(args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram(['npm', ...args], { cwd });
  if (code !== 0) throw new Error(`npm ${args[0]} failed: ${stderr}`);
  return stdout;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'package-test-'));
  writePrograms(folder);
  const report = await npm(['pack', '--json', '--pack-destination', folder], ROOT);
  const [{ filename, files }] = JSON.parse(report.slice(report.indexOf('[\n')));
  tarball = join(folder, filename);
  packed = (files as { path: string }[]).map(({ path }) => path);
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--omit=optional', '--ignore-scripts'];
  await npm(['install', ...flags, tarball], folder);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const node = (...args: string[]): Promise<ProgramResult> =>
  runProgram([process.execPath, ...args], { cwd: folder });

test('the package holds what users need and nothing else', () => {
  const others = packed.filter((path) => !/^dist\/(esm|cjs)\/.*\.(js|d\.ts)$/.test(path));
  expect(others.sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'MIGRATION.md',
    'README.md',
    'dist/cjs/package.json',
    'dist/esm/package.json',
    'package.json',
  ]);
  expect(packed.filter((path) => /test|demo|bench/.test(path) && !path.includes('/testing/'))).toEqual([]);
});

test.each([
  ['publint', ['publint/src/cli.js', '--strict']],
  ['attw', ['@arethetypeswrong/cli/dist/index.js', '--profile', 'node16', '--format', 'table']],
] as const)(
  '%s finds nothing wrong with exports and types',
  async (_, [program, ...args]) => {
    const { code, stdout, stderr } = await node(join(ROOT, 'node_modules', program), tarball, ...args);
    expect({ code, said: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, said: '' });
  },
  60_000,
);

test('the package names no path of the machine that built it', () => {
  const installed = join(folder, 'node_modules', 'buscoupler');
  const files = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  expect(files.length).toBeGreaterThan(100);
  const telling = files
    .map((file) => join(file.parentPath, file.name))
    .filter((path) => readFileSync(path, 'utf8').includes(ROOT));
  expect(telling).toEqual([]);
});

test.each(['use.mjs', 'use.cjs'])(
  '%s publishes and handles, and the process ends by itself',
  async (program) => {
    const { code, stdout, stderr } = await node(program);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(EXPECTED);
  },
);

test.each(['client.mjs', 'client.cjs'])(
  "%s uses the guide's client, and the process ends by itself",
  async (program) => {
    expect(await node(program)).toMatchObject({ code: 0, stdout: '{"userId":"123"}\n', stderr: '' });
  },
);

test('its command line runs', async () => {
  const program = join(folder, 'node_modules', '.bin', 'buscoupler');
  const { code, stdout, stderr } = await runProgram([program, 'dead-letters', '--help'], { cwd: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('Usage: buscoupler dead-letters');
});

test('import and require give the same classes and functions, in every subpath', async () => {
  expect(await node('same.cjs')).toMatchObject({ code: 0, stdout: 'true\n' });
});

test('Jest loads it in CommonJS mode', async () => {
  const config = JSON.stringify({ transform: {}, testMatch: ['**/use.test.js'] });
  const { code, stderr } = await node(
    join(ROOT, 'node_modules/jest/bin/jest.js'),
    '--rootDir',
    folder,
    '--config',
    config,
  );
  expect(stderr).toContain('1 passed');
  expect(code).toBe(0);
}, 60_000);

test('its types are right for ES modules and for CommonJS, without skipping the checks of libraries', async () => {
  const types = join(folder, 'node_modules', '@types');
  symlinkSync(join(ROOT, 'node_modules', '@types'), types);
  const { code, stdout } = await node(join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
}, 60_000);

test('without mongoose everything but its types works, and with it the session is typed', async () => {
  const mongoose = join(folder, 'node_modules', 'mongoose');
  expect(existsSync(mongoose)).toBe(false); // an optional peer
  symlinkSync(join(ROOT, 'node_modules', 'mongoose'), mongoose);
  const project = join(folder, 'mongo');
  const { code, stdout } = await node(join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
}, 60_000);

test('what is no public entry cannot be imported', async () => {
  expect(await node('deep.mjs')).toMatchObject({ stdout: 'ERR_PACKAGE_PATH_NOT_EXPORTED\n' });
});
