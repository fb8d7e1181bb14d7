import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/load-config.js';
import type { ConfigInput } from '../../../src/config/schema.js';
import { ConfigError, type ConfigProblem } from '../../../src/contract/errors.js';

const load = (env: Record<string, string>, overrides?: ConfigInput) =>
  loadConfig(env, { file: false, ...(overrides && { overrides }) });

async function problemsOf(
  env: Record<string, string>,
  overrides?: ConfigInput,
): Promise<readonly ConfigProblem[]> {
  const error = await load(env, overrides).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems;
}

const KAFKA = { KAFKA_ENABLED: 'true', KAFKA_BROKERS: 'a:9092' };
const RABBITMQ = { RABBITMQ_ENABLED: 'true', RABBITMQ_URL: 'amqp://h' };

describe('which brokers are on', () => {
  it('turns Kafka on with the flag and an address', async () => {
    const config = await load({ KAFKA_ENABLED: 'true', KAFKA_BROKERS: 'a:9092, b:9093' });
    expect(config.enabled).toEqual(['kafka']);
    expect(config.brokers).toEqual({
      kafka: {
        brokers: ['a:9092', 'b:9093'],
        clientId: 'buscoupler',
        compression: 'none',
        connectionTimeoutMs: 10_000,
        requestTimeoutMs: 30_000,
        sessionTimeoutMs: 30_000,
      },
    });
    expect(config.defaultBroker).toBe('kafka');
  });

  it('turns RabbitMQ on with the flag and an address', async () => {
    const config = await load(RABBITMQ);
    expect(config.enabled).toEqual(['rabbitmq']);
    expect(config.brokers).toEqual({
      rabbitmq: {
        urls: ['amqp://guest:guest@h:5672/%2F'],
        clientId: 'buscoupler',
        heartbeatSeconds: 10,
        connectionTimeoutMs: 10_000,
        requestTimeoutMs: 10_000,
      },
    });
  });

  it('feeds consumers from RabbitMQ when both are on and nothing else is said', async () => {
    expect((await load({ ...KAFKA, ...RABBITMQ })).defaultBroker).toBe('rabbitmq');
    expect((await load({ ...KAFKA, ...RABBITMQ, DEFAULT_BROKER: 'kafka' })).defaultBroker).toBe('kafka');
  });

  it.each([
    [
      { KAFKA_ENABLED: 'true', ...RABBITMQ },
      'KAFKA_ENABLED is true but KAFKA_BROKERS is not set, so Kafka is off.',
    ],
    [
      { KAFKA_ENABLED: 'true', KAFKA_BROKERS: '', ...RABBITMQ },
      'KAFKA_ENABLED is true but KAFKA_BROKERS is not set, so Kafka is off.',
    ],
    [
      { RABBITMQ_ENABLED: 'true', ...KAFKA },
      'RABBITMQ_ENABLED is true but RABBITMQ_URL is not set, so RabbitMQ is off.',
    ],
  ])('warns about a flag without an address: %j', async (env, warning) => {
    const config = await load(env);
    expect(config.enabled).toHaveLength(1);
    expect(config.warnings).toEqual([warning]);
  });

  it.each<Record<string, string>>([
    {},
    { KAFKA_ENABLED: 'false', RABBITMQ_ENABLED: 'false' },
    { KAFKA_ENABLED: '', KAFKA_BROKERS: 'a:9092' },
    { KAFKA_BROKERS: 'a:9092', RABBITMQ_URL: 'amqp://h' },
  ])('refuses to run with no broker: %j', async (env) => {
    expect(await problemsOf(env)).toEqual([
      {
        setting: 'KAFKA_ENABLED, RABBITMQ_ENABLED',
        was: 'both off',
        allowed: expect.stringContaining('EMBEDDED=true'),
      },
    ]);
  });

  it('says why when the only broker that is on has no address', async () => {
    const [problem] = await problemsOf({ KAFKA_ENABLED: 'true' });
    expect(problem?.was).toBe(
      'both off: KAFKA_ENABLED is true but KAFKA_BROKERS is not set, so Kafka is off',
    );
  });

  it.each(['TRUE', 'True', 'yes', '1', ' 1', ' true', 'true\r', 'on'])(
    'refuses the flag %j, as only true turns a broker on',
    async (value) => {
      for (const setting of ['KAFKA_ENABLED', 'RABBITMQ_ENABLED', 'EMBEDDED']) {
        const was = JSON.stringify(value);
        expect(await problemsOf({ [setting]: value })).toEqual([
          { setting, was, allowed: 'exactly `true` or `false`' },
        ]);
      }
    },
  );
});

describe('embedded mode', () => {
  it('serves both names from memory', async () => {
    expect(await load({ EMBEDDED: 'true' })).toMatchObject({
      enabled: ['kafka', 'rabbitmq'],
      embedded: true,
      brokers: {},
      defaultBroker: 'rabbitmq',
    });
  });

  it('serves only the names that are on, if one is', async () => {
    expect((await load({ EMBEDDED: 'true', KAFKA_ENABLED: 'true' })).enabled).toEqual(['kafka']);
    expect((await load({ EMBEDDED: 'true', ...RABBITMQ })).brokers).toEqual({});
  });
});

describe('values', () => {
  it.each(['0', '-1', '1000000000000', '10s', '1e3', 'NaN', '', ' 5', '0x10', '1.5', 'Infinity'])(
    'takes no duration of %j',
    async (value) => {
      if (value === '')
        return expect((await load({ ...KAFKA, PUBLISH_TIMEOUT_MS: '' })).publish.timeoutMs).toBe(30_000);
      const problems = await problemsOf({ ...KAFKA, PUBLISH_TIMEOUT_MS: value });
      expect(problems).toHaveLength(1);
      expect(problems[0]?.setting).toBe('PUBLISH_TIMEOUT_MS');
      expect(problems[0]?.was).toContain(value);
      expect(problems[0]?.allowed).toBe(
        'a whole number from 1 to 3,600,000 (ms, without a unit in the value)',
      );
    },
  );

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1e12, 1.5, '10'])(
    'takes no override of %p for a duration',
    async (value) => {
      const problems = await problemsOf(KAFKA, { start: { timeoutMs: value as number } });
      expect(problems.map(({ setting }) => setting)).toEqual(['start.timeoutMs']);
    },
  );

  it('takes the bounds themselves', async () => {
    const config = await load({
      ...KAFKA,
      START_TIMEOUT_MS: '1',
      PUBLISH_TIMEOUT_MS: '3600000',
      PUBLISH_MAX_WAITING: '0',
    });
    expect(config.start.timeoutMs).toBe(1);
    expect(config.publish.timeoutMs).toBe(3_600_000);
    expect(config.publish.bounds).toEqual({ maxInFlight: 1_000, maxWaiting: 0, maxBytes: 67_108_864 });
  });

  it.each(['KAFKA_CLIENT_ID', 'KAFKA_TLS_SERVER_NAME', 'RABBITMQ_MANAGEMENT_URL', 'RABBITMQ_CLIENT_ID'])(
    'refuses a line end in %s',
    async (setting) => {
      const problems = await problemsOf({ ...KAFKA, [setting]: 'http://h/\r\nforged' });
      expect(problems.map((problem) => problem.setting)).toEqual([setting]);
      expect(problems[0]?.was).not.toMatch(/[\r\n]/);
    },
  );

  it('reports every bad value in one error, each with its setting, what it was and what is allowed', async () => {
    const error = await load({
      ...KAFKA,
      KAFKA_BROKERS: 'a:1,b',
      PUBLISH_POLICY: 'some',
      LOG_LEVEL: 'loud',
      CONSUMER_A_BROKER: 'Kafka',
    }).catch((thrown: unknown) => thrown);
    expect((error as ConfigError).code).toBe('BC_CONFIG_INVALID');
    expect((error as ConfigError).message.split('\n')).toEqual([
      'The configuration has 4 bad value(s):',
      '  KAFKA_BROKERS: was "b"; allowed: `host:port`, several separated by commas; IPv6 as `[::1]:9092`',
      '  PUBLISH_POLICY: was "some"; allowed: `all`, `primary`, `any`',
      '  LOG_LEVEL: was "loud"; allowed: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`',
      '  CONSUMER_A_BROKER: was "Kafka"; allowed: exactly `kafka` or `rabbitmq`',
      ' Correct the settings that the message names.',
    ]);
  });

  it.each<[ConfigInput, string]>([
    [{ kafka: { broker: ['a:1'] } } as ConfigInput, 'kafka.broker'],
    [{ typo: 1 } as ConfigInput, 'typo'],
    [{ topics: { orders: { kafka: { partition: 3 } } } } as ConfigInput, 'topics.orders.kafka.partition'],
    [
      { consumers: { a: { retry: { inline: { attemps: 3 } } } } } as ConfigInput,
      'consumers.a.retry.inline.attemps',
    ],
  ])('refuses the unknown key of %j by its path', async (overrides, setting) => {
    const [problem, ...others] = await problemsOf(KAFKA, overrides);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ setting, was: 'an unknown key' });
    expect(problem?.allowed).not.toBe('');
  });

  it('names the known keys beside an unknown one', async () => {
    const [problem] = await problemsOf(KAFKA, { consumers: { a: { x: 1 } } } as ConfigInput);
    expect(problem?.allowed).toBe(
      'broker, concurrency, ordering, timeoutMs, invalid, inbox, outsideWindow, retry, kafka, rabbitmq',
    );
  });

  it.each([
    '{"__proto__":{"embedded":true}}',
    '{"topics":{"__proto__":{"policy":"all"}}}',
    '{"constructor":{"prototype":{"a":1}}}',
  ])('refuses keys that reach a prototype: %s', async (json) => {
    const problems = await problemsOf(KAFKA, JSON.parse(json));
    expect(problems).toMatchObject([{ was: 'a key that reaches a prototype' }]);
    expect(({} as Record<string, unknown>).embedded).toBeUndefined();
  });

  it('refuses a value where a section belongs, even under a stronger source', async () => {
    const overrides = { kafka: 'a:9092' } as unknown as ConfigInput;
    expect(await problemsOf(KAFKA, overrides)).toMatchObject([{ setting: 'kafka' }]);
    expect(await problemsOf(KAFKA, { topics: { a: 'x' } } as unknown as ConfigInput)).toMatchObject([
      { setting: 'topics.a', was: 'a value of type string' },
    ]);
  });

  it('asks for the primary broker with policy primary, and that it is on', async () => {
    expect(await problemsOf({ ...KAFKA, PUBLISH_POLICY: 'primary' })).toMatchObject([
      { setting: 'PUBLISH_PRIMARY', was: 'not set' },
    ]);
    expect(await problemsOf({ ...KAFKA, PUBLISH_PRIMARY: 'rabbitmq', DEFAULT_BROKER: 'rabbitmq' })).toEqual([
      { setting: 'DEFAULT_BROKER', was: '"rabbitmq"', allowed: 'a broker that is on: kafka' },
      { setting: 'PUBLISH_PRIMARY', was: '"rabbitmq"', allowed: 'a broker that is on: kafka' },
    ]);
  });

  it('refuses a topic on a broker that is off', async () => {
    const topics = { a: { brokers: ['kafka', 'rabbitmq'] as ('kafka' | 'rabbitmq')[] } };
    expect(await problemsOf(KAFKA, { topics })).toMatchObject([{ setting: 'topics.a.brokers' }]);
  });

  it('warns about a variable that looks like a setting', async () => {
    const config = await load({
      ...RABBITMQ,
      KAFKA_BROKER: 'a:1',
      KAFKA_OPTS: '-Xmx1g',
      KAFKA_HOME: '/kafka',
    });
    expect(config.warnings).toEqual(['KAFKA_BROKER is no setting and has no effect; KAFKA_BROKERS is one.']);
  });
});

describe('the result', () => {
  it('is frozen all the way down and leaves the overrides alone', async () => {
    const overrides = { topics: { a: { kafka: { config: { 'retention.ms': 1000 } } } } };
    const config = await load({ ...KAFKA, ...RABBITMQ }, overrides);
    const check = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      for (const inner of Object.values(value)) check(inner);
    };
    check(config);
    expect(config.topics.a?.kafka?.config).toEqual({ 'retention.ms': '1000' });
    expect(Object.isFrozen(overrides.topics.a.kafka.config)).toBe(false);
  });

  it('tells where every value came from, secrets masked', async () => {
    const { origins } = await load(
      { ...RABBITMQ, RABBITMQ_URL: 'amqp://u:s3cret@h', CONSUMER_A_BROKER: 'rabbitmq' },
      { start: { timeoutMs: 5 }, consumers: { b: { concurrency: 2 } } },
    );
    expect(origins).toMatchObject({
      'start.timeoutMs': { source: 'override', name: 'start.timeoutMs', shown: '5' },
      'rabbitmq.urls': { source: 'environment', name: 'RABBITMQ_URL', shown: '"amqp://***@h"' },
      'publish.timeoutMs': { source: 'default', name: 'PUBLISH_TIMEOUT_MS', shown: '30000' },
      defaultBroker: { source: 'default', name: 'DEFAULT_BROKER', shown: '"rabbitmq"' },
      'consumers.b.concurrency': { source: 'override', shown: '2' },
      CONSUMER_A_BROKER: { source: 'environment', name: 'CONSUMER_A_BROKER', shown: '"rabbitmq"' },
    });
  });

  it('lets overrides win over the environment', async () => {
    const config = await load({ ...KAFKA, LOG_LEVEL: 'warn', KAFKA_CLIENT_ID: 'env' }, { logLevel: 'debug' });
    expect(config.logLevel).toBe('debug');
    expect(config.brokers.kafka?.clientId).toBe('env');
  });

  it('keeps mappings of topics and consumers, functions included', async () => {
    const routingKey = () => 'k';
    const config = await load(KAFKA, {
      topics: {
        a: { policy: 'any', kafka: { topic: 'b', existing: true }, rabbitmq: { type: 'direct', routingKey } },
      },
      consumers: { c: { broker: 'kafka', timeoutMs: 5, rabbitmq: { bindings: ['x', { h: 'v' }] } } },
    });
    expect(config.topics.a).toEqual({
      policy: 'any',
      kafka: { topic: 'b', existing: true },
      rabbitmq: { type: 'direct', routingKey },
    });
    expect(config.consumers.c).toEqual({ timeoutMs: 5, rabbitmq: { bindings: ['x', { h: 'v' }] } });
    expect(config.flags.overrides).toEqual({ c: 'kafka' });
  });
});
