import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ProgramResult, type RunProgramOptions, runProgram } from '../support/run-program.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';

/** Temporary folder of one run of the demo, to see that it leaves nothing in it. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function runDemo(args: readonly string[], options: RunProgramOptions = {}): Promise<ProgramResult> {
  const env = { TMPDIR: folder, ...options.env };
  return runProgram([process.execPath, '--import', 'tsx', 'demo/main.ts', ...args], { ...options, env });
}

/** The rows of the verdict: numbers by consumer. */
function rowsOf(stdout: string): Record<string, number[]> {
  const rows = stdout.matchAll(/^ {2}(demo-[\w-]+) +([\d, ]+)$/gm);
  return Object.fromEntries(
    [...rows].map(([, name = '', cells = '']) => [
      name,
      cells
        .trim()
        .split(/ +/)
        .map((cell) => Number(cell.replaceAll(',', ''))),
    ]),
  );
}

function expectGoodVerdict({ code, stdout, stderr }: ProgramResult): void {
  // What was printed says why, if it failed.
  expect({ code, stderr, said: code === 0 ? '' : stdout }).toEqual({ code: 0, stderr: '', said: '' });
  const moves = [...stdout.matchAll(/moved {2}(\S+): (\w+) → (\w+)/g)].map((match) => match.slice(1));
  expect(moves).toEqual([
    ['demo-usage-log', 'rabbitmq', 'kafka'],
    ['demo-credits-process', 'rabbitmq', 'kafka'],
    ['demo-usage-report', 'rabbitmq', 'kafka'],
    ['demo-credits-process', 'kafka', 'rabbitmq'],
  ]);
  const rows = rowsOf(stdout);
  expect(Object.keys(rows)).toEqual(['demo-usage-log', 'demo-usage-report', 'demo-credits-process']);
  for (const [published = 0, handled = 0, deadLettered = 0, ...bad] of Object.values(rows)) {
    expect(handled).toBeGreaterThan(300);
    expect(deadLettered).toBeGreaterThan(3);
    expect(handled + deadLettered).toBe(published);
    expect(bad).toEqual([0, 0]);
  }
  expect(readdirSync(folder).filter((name) => name.startsWith('buscoupler'))).toEqual([]);
}

describe('the demo', () => {
  test('moves consumers between embedded brokers, accounts for every message and leaves nothing behind', async () => {
    const result = await runDemo([]);
    expectGoodVerdict(result);
    expect(result.stdout).not.toContain('\u001b[');
  }, 180_000);

  test('ends at an interrupt without a verdict and leaves nothing behind', async () => {
    const { code, stdout } = await runDemo([], {
      onOutput: (chunk, kill) => chunk.includes('published') && kill('SIGINT'),
    });
    expect(code).toBe(130);
    expect(stdout).not.toContain('Verdict');
    expect(readdirSync(folder).filter((name) => name.startsWith('buscoupler'))).toEqual([]);
  }, 180_000);

  test('says what to set when it shall use real brokers and none is configured', async () => {
    const { code, stdout, stderr } = await runDemo(['--real']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    for (const name of ['KAFKA_ENABLED', 'KAFKA_BROKERS', 'RABBITMQ_ENABLED', 'RABBITMQ_URL']) {
      expect(stderr).toContain(name);
    }
  });

  test('says which broker is there when the other one is missing', async () => {
    const env = { RABBITMQ_ENABLED: 'true', RABBITMQ_URL: 'amqp://guest:very-secret@127.0.0.1:1' };
    const { code, stderr } = await runDemo(['--real'], { env });
    expect(code).toBe(2);
    expect(stderr).toContain('Only rabbitmq is configured');
    expect(stderr).not.toContain('very-secret');
  });

  test('refuses an unknown argument and shows how it is used', async () => {
    const { code, stderr } = await runDemo(['--reel']);
    expect(code).toBe(2);
    expect(stderr).toContain('--reel');
    expect(stderr).toContain('Usage: npm run demo');
  });
});

describeWithServers('the demo on real brokers', { shared: ['kafka', 'rabbitmq-4.0'] }, (servers) => {
  test('moves consumers and accounts for every message, a second run on the same brokers too', async () => {
    const env = {
      KAFKA_ENABLED: 'true',
      KAFKA_BROKERS: servers.kafka.brokers.join(','),
      RABBITMQ_ENABLED: 'true',
      RABBITMQ_URL: servers['rabbitmq-4.0'].url,
    };
    expectGoodVerdict(await runDemo(['--real'], { env }));
    expectGoodVerdict(await runDemo(['--real'], { env }));
  }, 400_000);
});
