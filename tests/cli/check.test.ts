import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { SetupReport } from '../../src/index.js';
import { ROOT, runProgram } from '../support/run-program.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';

describeWithServers('buscoupler check', { shared: ['kafka', 'rabbitmq-4.0'] }, (servers) => {
  const name = `check_${randomBytes(6).toString('hex')}`;
  const { url, managementUrl = '' } = servers['rabbitmq-4.0'];
  const env = {
    KAFKA_ENABLED: 'true',
    KAFKA_BROKERS: servers.kafka.brokers.join(','),
    RABBITMQ_ENABLED: 'true',
    RABBITMQ_URL: url,
    RABBITMQ_MANAGEMENT_URL: managementUrl,
  };
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'buscoupler-check-'));
    await writeFile(
      join(folder, 'bus.mjs'),
      `import { defineConsumer, defineTopic, loadConfig } from '${pathToFileURL(join(ROOT, 'src/index.ts')).href}';
const topic = defineTopic({ name: '${name}' });
const consumer = defineConsumer({ name: '${name.replace('_', '-')}', topic, group: '${name}-group', handle: () => undefined });
export default async () => ({ config: await loadConfig(process.env, { file: false }), topics: [topic], consumers: [consumer] });`,
    );
  });
  afterAll(() => rm(folder, { recursive: true }));

  const check = (changes: Partial<typeof env>, ...args: string[]) =>
    runProgram(
      [
        process.execPath,
        '--import',
        'tsx',
        'src/cli/main.ts',
        'check',
        '--config',
        join(folder, 'bus.mjs'),
        ...args,
      ],
      { env: { ...env, ...changes } },
    );

  test('says of clusters of one node that they are, and ends with 2', async () => {
    const { code, stdout, stderr } = await check({});
    expect([code, stderr]).toEqual([2, '']);
    expect(stdout).toContain('kafka  kafka-few-nodes\n');
    expect(stdout).toContain(`info         rabbitmq: queue ${name}-group  place-will-be-created  `);
    expect(stdout).toMatch(/\n0 errors, 2 warnings, 1 not checked, \d+ for information\.\n$/);
  });

  test('with a broker down checks the other one, and ends with 1', async () => {
    const { code, stdout } = await check({ KAFKA_BROKERS: '127.0.0.1:1' }, '--json', '--timeout', '2000');
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout) as SetupReport;
    expect(findings[0]).toMatchObject({ id: 'broker-unreachable', where: 'kafka' });
    expect(findings.map(({ where }) => where)).toContain(`rabbitmq: queue ${name}-group`);
    expect(findings.filter(({ where }) => where.startsWith('kafka'))).toHaveLength(1);
  });

  test('shows no password, whatever is wrong', async () => {
    const wrong = { RABBITMQ_URL: url.replace(/\/\/[^@]*@/, '//guest:hush@'), RABBITMQ_MANAGEMENT_URL: '' };
    const { code, stdout, stderr } = await check(wrong);
    expect(code).toBe(1);
    expect(stdout).toContain('broker-credentials');
    expect(stdout + stderr).not.toContain('hush');
  });
});
