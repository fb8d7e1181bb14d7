import { expect, test } from '@jest/globals';
import { runCli } from '../../../src/cli/run-cli.js';
import { loadConfig } from '../../../src/index.js';

const ENV = {
  RABBITMQ_ENABLED: 'true',
  RABBITMQ_URL: 'amqp://svc:hunter2@rabbit:5672/shop',
  CONSUMER_FEATURE_USAGE_BROKER: 'rabbitmq',
};

/** `config` over this environment, and what code overrides. */
async function config(...args: string[]) {
  const texts = { out: '', err: '', files: [] as (string | undefined)[] };
  const code = await runCli(['config', ...args], {
    out: async (text) => {
      texts.out += text;
    },
    err: (text) => {
      texts.err += text;
    },
    hasColours: false,
    signal: new AbortController().signal,
    load: async (file) => {
      texts.files.push(file);
      const overrides = { publish: { timeoutMs: 1_234 } };
      return { config: await loadConfig(ENV, { file: false, overrides }) };
    },
    lines: async function* () {},
  });
  return { code, ...texts };
}

test('shows each setting with its origin: default, environment and code', async () => {
  const { code, out, files } = await config('--origin');
  const row = (name: string) =>
    out
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(/\s{2,}/);
  expect(code).toBe(0);
  expect(files).toEqual([undefined]);
  expect(row('rabbitmq.enabled')).toEqual(['rabbitmq.enabled', 'true', 'environment', 'RABBITMQ_ENABLED']);
  expect(row('publish.timeoutMs')).toEqual(['publish.timeoutMs', '1234', 'code', 'publish.timeoutMs']);
  expect(row('publish.policy')?.slice(2)).toEqual(['default', 'PUBLISH_POLICY']);
  expect(row('CONSUMER_FEATURE_USAGE_BROKER')?.[2]).toBe('environment');
});

test('secrets are masked, in text and in JSON', async () => {
  const texts = [await config('--origin'), await config('--json'), await config('--json', '--origin')];
  for (const { out } of texts) {
    expect(out).not.toContain('hunter2');
    expect(out).toContain('rabbit:5672/shop');
  }
});

test('without --origin there are values alone, and a file that is named is read', async () => {
  const { out, files } = await config('--json', '--config', 'app.mjs');
  expect(files).toEqual(['app.mjs']);
  expect(JSON.parse(out)).toContainEqual({ setting: 'publish.timeoutMs', value: '1234' });
});
