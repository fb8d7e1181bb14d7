import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { KAFKA_OFFER } from '../support/servers/kafka.js';
import { SHARED_SERVERS_VARIABLE } from '../support/servers/shared-servers.js';

jest.setTimeout(60_000);

const root = join(__dirname, '../..');
const MISSING = { reason: 'Java is not installed', cure: 'run .ci/install-servers' };

/** Runs the fixture's one suite in a Jest of its own that is told about a Kafka. */
function runFixture(kafka: object, ci: boolean): { status: number | null; output: string } {
  const { projects } = jest.requireActual<{ projects: Record<string, unknown>[] }>('../../jest.config.cjs');
  const { globalSetup, globalTeardown, testMatch, ...real } = projects[1] ?? {};
  expect([globalSetup, globalTeardown, testMatch]).not.toContain(undefined);
  const config = {
    ...real,
    rootDir: root,
    testMatch: ['<rootDir>/tests/support/servers/needs-kafka.fixture.ts'],
    reporters: ['default', '<rootDir>/tests/support/totals-reporter.cjs'],
  };
  const jestProgram = join(root, 'node_modules/jest/bin/jest.js');
  const told = JSON.stringify({ shared: { kafka }, cannotStart: {} });
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [jestProgram, '--config', JSON.stringify(config)],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, CI: String(ci), [SHARED_SERVERS_VARIABLE]: told },
    },
  );
  return { status, output: stdout + stderr };
}

describe('a suite that needs a server', () => {
  test('gets its address when it is there', () => {
    const { status, output } = runFixture({ brokers: ['127.0.0.1:1'] }, true);
    expect(output).toContain('1 passed, 0 failed');
    expect(status).toBe(0);
  });

  test('is skipped with the reason and the cure when it is not', () => {
    const { status, output } = runFixture(MISSING, false);
    expect(output).toContain(
      'skipped: a suite with Kafka needs kafka: Java is not installed; run .ci/install-servers\n0 passed, 0 failed',
    );
    expect(status).toBe(0);
  });

  test('fails instead with CI=true', () => {
    const { status, output } = runFixture(MISSING, true);
    expect(output).toContain(
      'kafka is required when CI=true: Java is not installed; run .ci/install-servers',
    );
    expect(output).toContain('0 passed, 1 failed');
    expect(status).toBe(1);
  });
});

describe('a machine without installed servers', () => {
  const { BUSCOUPLER_CACHE } = process.env;
  afterEach(() => {
    if (BUSCOUPLER_CACHE === undefined) delete process.env.BUSCOUPLER_CACHE;
    else process.env.BUSCOUPLER_CACHE = BUSCOUPLER_CACHE;
  });

  test('says what is missing, and that is the reason of the skip where there is no Docker either', () => {
    process.env.BUSCOUPLER_CACHE = '/no/such/folder';
    expect(KAFKA_OFFER.missing()).toMatch(/is not installed/);
  });
});
