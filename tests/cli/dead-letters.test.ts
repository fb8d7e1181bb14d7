import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ProgramResult, ROOT, type RunProgramOptions, runProgram } from '../support/run-program.js';

const INDEX = pathToFileURL(join(ROOT, 'src/index.ts')).href;

const BUS = `
import { defineConsumer, defineTopic, loadConfig } from '${INDEX}';
const topic = defineTopic({ name: 'orders' });
const consumer = defineConsumer({ name: 'billing', topic, group: 'billing-group', handle: () => undefined });
`;

const FILES: Readonly<Record<string, string>> = {
  'bus.mjs': `${BUS}
export default async () => ({
  config: await loadConfig({ EMBEDDED: 'true' }, { file: false }), topics: [topic], consumers: [consumer],
});`,
  'throws.mjs': 'throw new Error("no such thing");',
  'empty.mjs': 'export const config = {};',
  // A queue whose letters never end, and only slowly come.
  'endless.mjs': `${BUS}
const letter = (n) => ({
  message: {
    id: 'm' + n, key: null, body: Buffer.alloc(1000, 'x'), headers: {}, contentType: null, timestampMs: 1, isRedelivered: false,
    position: { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' },
  },
  remove: async () => true,
});
const port = {
  name: 'rabbitmq', product: 'queue', capabilities: { settlesSingly: true }, connect: async () => undefined, close: async () => undefined,
  publisher: () => ({ maxMessageBytes: 1, publish: () => undefined }),
  async *letters() {
    for (let n = 0; ; n += 1) {
      yield letter(n);
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
};
export default async () => ({
  config: await loadConfig({ EMBEDDED: 'true', RABBITMQ_ENABLED: 'true', KAFKA_ENABLED: 'false' }, { file: false }),
  topics: [topic], consumers: [consumer], brokers: { rabbitmq: () => port },
});`,
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-test-'));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROGRAM = [process.execPath, '--import', 'tsx', 'src/cli/main.ts'] as const;
const cli = (args: readonly string[], options?: RunProgramOptions): Promise<ProgramResult> =>
  runProgram([...PROGRAM, ...args], options);
const file = (name: string): string => join(folder, name);

test('says how it is used', async () => {
  const { code, stdout, stderr } = await cli(['dead-letters', '--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const verb of ['list', 'groups', 'show', 'replay', 'export', 'purge'])
    expect(stdout).toContain(`  ${verb} `);
});

test.each([
  [['dead-leters'], 'dead-leters'],
  [['dead-letters', 'lisst'], 'lisst'],
  [['dead-letters', 'list'], '--config'],
])('%j is refused as usage', async (args, named) => {
  const { code, stdout, stderr } = await cli(args);
  expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
  expect(stderr).toContain(named);
});

test.each([
  ['missing.mjs', 'missing.mjs cannot be used'],
  ['throws.mjs', 'throws.mjs cannot be used: no such thing'],
  ['empty.mjs', 'empty.mjs must export by default'],
])('a configuration file that is none is named: %s', async (name, said) => {
  const { code, stdout, stderr } = await cli(['dead-letters', 'list', '--config', file(name)]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(said);
  expect(stderr.split('\n')).toHaveLength(2);
});

test('reads the configuration file, answers and ends by itself, with no log line between', async () => {
  const { code, stdout, stderr } = await cli(['dead-letters', 'list', '--json', '--config', file('bus.mjs')]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({ letters: [], cursor: null });
});

test('ends in order at Ctrl-C', async () => {
  const args = ['dead-letters', 'export', '--config', file('endless.mjs')];
  let isInterrupted = false;
  const interruptOnce = (_: string, kill: (signal: NodeJS.Signals) => void): void => {
    if (!isInterrupted) kill('SIGINT'); // a second one would end it at once
    isInterrupted = true;
  };
  const { code, signal, stdout, stderr } = await cli(args, { onOutput: interruptOnce });
  expect({ code, signal, stderr }).toEqual({ code: 130, signal: null, stderr: '' });
  expect(stdout.endsWith('\n')).toBe(true);
  for (const line of stdout.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
}, 60_000);

test('ends quietly when nobody reads on', async () => {
  const command = `set -o pipefail; "$@" | head -n 1`;
  const args = ['dead-letters', 'export', '--config', file('endless.mjs')];
  const { code, stdout, stderr } = await runProgram(['bash', '-c', command, 'bash', ...PROGRAM, ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ id: 'm0', consumer: 'billing' });
}, 60_000);
