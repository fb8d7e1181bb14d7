import { expect, test } from '@jest/globals';
import { runCli } from '../../../src/cli/run-cli.js';
import type { BrokerPort } from '../../../src/contract/broker.js';
import { type CreateBusOptions, loadConfig } from '../../../src/index.js';
import { log, logTopic } from '../preflight/facts.js';

/** `check` over a Kafka of which this is seen, or which cannot be reached. */
async function check(args: readonly string[], seen: ReturnType<typeof log> | Error, signal?: AbortSignal) {
  const kafka = {
    name: 'kafka',
    product: 'kafka',
    connect: async () => {
      if (seen instanceof Error) throw seen;
    },
    inspect: async () => seen,
    close: async () => {},
  } as unknown as BrokerPort;
  const texts = { out: '', err: '' };
  const load = async (): Promise<CreateBusOptions> => ({
    config: await loadConfig({ KAFKA_ENABLED: 'true', KAFKA_BROKERS: 'k:9092' }, { file: false }),
    brokers: { kafka: () => kafka },
  });
  const code = await runCli(['check', '--config', 'app.mjs', ...args], {
    out: async (text) => {
      texts.out += text;
    },
    err: (text) => {
      texts.err += text;
    },
    hasColours: false,
    signal: signal ?? new AbortController().signal,
    load,
    lines: async function* () {},
  });
  return { code, ...texts };
}

const shaky = log({ topics: [logTopic({}, {}, { 'min.insync.replicas': '1' })] });

test('shows what was found as aligned text, the worst first, and counts it', async () => {
  const { out, err } = await check([], shaky);
  expect(err).toBe('');
  expect(out).toBe(
    [
      'warning      kafka: topic orders  kafka-min-isr-low',
      '             found     min.insync.replicas=1 with 3 replicas',
      '             expected  min.insync.replicas=2',
      '             cure      Set min.insync.replicas=2 on the topic.',
      '             see       docs/reference/checks.md#kafka-min-isr-low',
      'info         inbox of createBus  inbox-none  none',
      '',
      '0 errors, 1 warning, 0 not checked, 1 for information.',
      '',
    ].join('\n'),
  );
});

test('the exit code tells errors, warnings and neither apart', async () => {
  expect((await check([], log())).code).toBe(0);
  expect((await check([], shaky)).code).toBe(2);
  expect((await check([], new Error('down'))).code).toBe(1);
  expect((await check(['--timeout', 'soon'], log())).code).toBe(64);
  expect((await check([], log(), AbortSignal.abort())).code).toBe(130);
});

test('the report is JSON where that is asked for', async () => {
  const { out, code } = await check(['--json'], shaky);
  expect(code).toBe(2);
  expect(JSON.parse(out)).toMatchObject({
    findings: [{ id: 'kafka-min-isr-low', severity: 'warning' }, { id: 'inbox-none' }],
    counts: { error: 0, warning: 1, 'not-checked': 0, info: 1 },
  });
});

test('nothing that a broker says can steer the terminal', async () => {
  const { out } = await check([], log({ version: '\u001b[2J9' }));
  expect(out).toContain('\\u001b[2J9');
});
