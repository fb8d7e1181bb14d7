import { expect, test } from '@jest/globals';
import type { BrokerPort } from '../../../src/contract/broker.js';
import { BuscouplerError } from '../../../src/contract/errors.js';
import {
  type CreateBusOptions,
  checkSetup,
  defineConsumer,
  defineTopic,
  loadConfig,
  memoryInbox,
} from '../../../src/index.js';
import { CHECKS } from '../../../src/preflight/checks.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';
import { log } from './facts.js';

const topic = defineTopic({ name: 'orders' });
const consumer = (name: string) => defineConsumer({ name, topic, group: 'billing', handle: () => undefined });

const optionsOf = async (changes: Partial<CreateBusOptions> = {}): Promise<CreateBusOptions> => ({
  config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
  topics: [topic],
  consumers: [consumer('billing')],
  inbox: memoryInbox(),
  ...changes,
});

/** A Kafka of which only what a check uses is there. */
const kafkaThat = (changes: Partial<BrokerPort>): NonNullable<CreateBusOptions['brokers']> => ({
  kafka: () =>
    ({
      name: 'kafka',
      product: 'kafka',
      connect: async () => {},
      inspect: async () => log(),
      close: async () => {},
      ...changes,
    }) as BrokerPort,
});

const idsOf = async (changes: Partial<CreateBusOptions>, timeoutMs?: number): Promise<string[]> =>
  (await checkSetup(await optionsOf(changes), timeoutMs === undefined ? {} : { timeoutMs })).findings.map(
    ({ id }) => id,
  );

test('embedded brokers have nothing to check, and say so', async () => {
  const { findings, counts } = await checkSetup(await optionsOf({ inbox: memoryInbox() }));
  expect(findings.map(({ id, where }) => `${id} ${where}`)).toEqual([
    'inbox-in-memory inbox of createBus',
    'broker-embedded kafka',
    'broker-embedded rabbitmq',
  ]);
  expect(counts).toEqual({ error: 0, warning: 1, 'not-checked': 0, info: 2 });
});

test('a bus without an inbox is told what that means', async () => {
  const { inbox: _, ...options } = await optionsOf();
  expect((await checkSetup(options)).findings.map(({ id }) => id)).toContain('inbox-none');
});

test('definitions that the bus refuses are a finding', async () => {
  const { findings } = await checkSetup(
    await optionsOf({ consumers: [consumer('billing'), consumer('billing-2')] }),
  );
  expect(findings).toMatchObject([
    {
      id: 'config-refused',
      severity: 'error',
      found: expect.stringMatching(/"billing".*"billing-2"|billing-2/),
    },
  ]);
});

test('a warning of the configuration is a finding', async () => {
  const env = { EMBEDDED: 'true', KAFKA_TLS_SERVER_NAM: 'a' };
  const config = await loadConfig(env, { file: false });
  expect(config.warnings).toHaveLength(1);
  expect(await idsOf({ config })).toContain('config-warning');
});

test.each([
  ['BC_AUTHENTICATION', 'broker-credentials'],
  ['BC_TLS', 'broker-tls'],
  ['BC_PROTOCOL', 'broker-protocol'],
  ['BC_PERMISSION', 'broker-access'],
  ['BC_BROKER_UNAVAILABLE', 'broker-unreachable'],
  ['BC_NAME_INVALID', 'name-invalid'],
] as const)('%s of one broker is %s, and the other broker is checked all the same', async (code, id) => {
  const brokers = kafkaThat({
    connect: async () => {
      throw new BuscouplerError(code, 'No.');
    },
  });
  expect(await idsOf({ brokers })).toEqual([id, 'inbox-in-memory', 'broker-embedded']);
});

test('a broker that never answers costs its time and no more', async () => {
  const clock = createFakeClock();
  const brokers = kafkaThat({ inspect: () => new Promise(() => {}) });
  let isOver = false;
  const checking = idsOf({ brokers, clock }, 5_000).finally(() => {
    isOver = true;
  });
  await clock.advance(4_999);
  expect(isOver).toBe(false);
  await clock.advance(1);
  expect(await checking).toContain('broker-unreachable');
});

test('connecting that is given up tells its own failure', async () => {
  const clock = createFakeClock();
  const brokers = kafkaThat({
    connect: (signal) =>
      new Promise((_, reject) => {
        const error = new BuscouplerError('BC_BROKER_UNAVAILABLE', 'Nobody listens.');
        signal.addEventListener('abort', () => reject(error));
      }),
  });
  const checking = checkSetup(await optionsOf({ brokers, clock }), { timeoutMs: 1_000 });
  await clock.advance(1_000);
  expect((await checking).findings[0]).toMatchObject({ found: 'Nobody listens.' });
});

test('an abort ends the check', async () => {
  const brokers = kafkaThat({ inspect: () => new Promise(() => {}) });
  const { findings } = await checkSetup(await optionsOf({ brokers, clock: createFakeClock() }), {
    signal: AbortSignal.abort(),
  });
  expect(findings[0]?.id).toBe('broker-unreachable');
});

test('every broker is closed, whatever it was', async () => {
  const closed: string[] = [];
  const close = async (): Promise<void> => void closed.push('kafka');
  await checkSetup(await optionsOf({ brokers: kafkaThat({ close }) }));
  const inspect = async () => Promise.reject(new Error('broken'));
  const { findings } = await checkSetup(await optionsOf({ brokers: kafkaThat({ close, inspect }) }));
  expect(closed).toEqual(['kafka', 'kafka']);
  expect(findings[0]?.found).toBe('It could not be looked at (broken).');
});

test('ids are words with dashes, meanings and cures whole sentences', () => {
  for (const [id, { meaning, cure }] of Object.entries(CHECKS)) {
    expect(id).toMatch(/^[a-z]+(-[a-z]+)+$/);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
    expect(cure).toMatch(/^[A-Z].*\.$/);
  }
});
