import { describe, expect, it } from '@jest/globals';
import { flagNameOf, resolveFlags } from '../../../src/config/flags.js';
import { loadConfig } from '../../../src/config/load-config.js';
import type { ConfigInput } from '../../../src/config/schema.js';
import { ConfigError } from '../../../src/contract/errors.js';

const load = (env: Record<string, string>, overrides: ConfigInput = {}) =>
  loadConfig({ EMBEDDED: 'true', ...env }, { file: false, overrides });

function problemsOf(run: () => unknown) {
  try {
    run();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ConfigError);
    return (thrown as ConfigError).problems;
  }
  throw new Error('nothing was refused');
}

describe('flagNameOf', () => {
  it.each([
    ['feature-usage', 'CONSUMER_FEATURE_USAGE_BROKER'],
    ['a.b_c9', 'CONSUMER_A_B_C9_BROKER'],
  ])('names the flag of %s', (consumer, flag) => {
    expect(flagNameOf(consumer)).toBe(flag);
  });
});

describe('resolveFlags', () => {
  it('takes the override, then the environment, then the default', async () => {
    const config = await load(
      { CONSUMER_A_BROKER: 'kafka', CONSUMER_B_BROKER: 'kafka' },
      { consumers: { b: { broker: 'rabbitmq' } } },
    );
    expect(Object.fromEntries(resolveFlags(config, ['a', 'b', 'c']))).toEqual({
      a: { broker: 'kafka', source: 'environment', setting: 'CONSUMER_A_BROKER' },
      b: { broker: 'rabbitmq', source: 'override', setting: 'consumers.b.broker' },
      c: { broker: 'rabbitmq', source: 'default', setting: 'CONSUMER_C_BROKER' },
    });
  });

  it('refuses two consumers with one flag name, set or not', async () => {
    const config = await load({});
    expect(problemsOf(() => resolveFlags(config, ['a-b', 'a_b']))).toEqual([
      {
        setting: 'CONSUMER_A_B_BROKER',
        was: 'the flag of two consumers, "a-b" and "a_b"',
        allowed: 'one consumer per flag; rename one of them',
      },
    ]);
  });

  it('refuses the flag of an unknown consumer, naming the known ones', async () => {
    const config = await load({ CONSUMER_AA_BROKER: 'kafka' }, { consumers: { bb: { broker: 'kafka' } } });
    expect(problemsOf(() => resolveFlags(config, ['a', 'b']))).toMatchObject([
      { setting: 'CONSUMER_AA_BROKER', allowed: 'CONSUMER_A_BROKER, CONSUMER_B_BROKER' },
      { setting: 'consumers.bb', allowed: 'a, b' },
    ]);
    expect(resolveFlags(config, ['a'], { unknown: 'ignore' }).get('a')?.broker).toBe('rabbitmq');
  });

  it('refuses settings of an unknown consumer without a flag too', async () => {
    const config = await load({}, { consumers: { aa: { concurrency: 2 } } });
    expect(problemsOf(() => resolveFlags(config, ['a']))).toMatchObject([{ setting: 'consumers.aa' }]);
  });

  it('refuses a misspelt flag and lets variables of others be', async () => {
    const config = await load({ CONSUMER_A_BROKR: 'kafka', CONSUMER_KEY: 'of an API', CONSUMER_SECRET: 'x' });
    expect(problemsOf(() => resolveFlags(config, ['a']))).toMatchObject([{ setting: 'CONSUMER_A_BROKR' }]);
  });

  it('refuses a consumer on a broker that is off, with the names of both settings', async () => {
    const config = await load({ RABBITMQ_ENABLED: 'true', CONSUMER_A_BROKER: 'kafka' });
    expect(problemsOf(() => resolveFlags(config, ['a']))).toEqual([
      {
        setting: 'CONSUMER_A_BROKER',
        was: '"kafka", which is off',
        allowed: 'rabbitmq; or turn kafka on with KAFKA_ENABLED=true and its address',
      },
    ]);
  });

  it('takes a consumer named like a part of an object as any other', async () => {
    const config = await load({});
    expect(resolveFlags(config, ['toString']).get('toString')?.source).toBe('default');
  });
});
