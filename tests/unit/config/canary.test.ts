import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { renderPages } from '../../../scripts/docs/pages.js';
import type { BusConfig } from '../../../src/config/bus-config.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { secretsOf } from '../../../src/config/secrets.js';
import { SETTINGS } from '../../../src/config/settings.js';
import { BuscouplerError, ConfigError } from '../../../src/contract/errors.js';
import { redactText } from '../../../src/messages/redact.js';
import { createLogger } from '../../../src/observability/create-logger.js';
import { logEvent } from '../../../src/observability/log-events.js';

/** A complete environment; each slot for a secret is filled by its own function. */
const ENVIRONMENT = {
  KAFKA_ENABLED: 'true',
  KAFKA_BROKERS: 'a:9092',
  KAFKA_SASL_MECHANISM: 'plain',
  KAFKA_SASL_USERNAME: 'somebody',
  KAFKA_SASL_PASSWORD: 'other-password',
  RABBITMQ_ENABLED: 'true',
  RABBITMQ_URL: 'amqps://h',
};

const pem = (secret: string): string => `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`;

/** Every place of the environment that can hold a secret. */
const SLOTS: Readonly<Record<string, (secret: string) => Record<string, string>>> = {
  KAFKA_SASL_PASSWORD: (secret) => ({ KAFKA_SASL_PASSWORD: secret }),
  KAFKA_TLS_KEY: (secret) => ({ KAFKA_TLS_KEY: pem(secret), KAFKA_TLS_CERT: pem('certificate') }),
  KAFKA_TLS_PASSPHRASE: (secret) => ({ KAFKA_TLS_PASSPHRASE: secret }),
  RABBITMQ_URL: (secret) => ({ RABBITMQ_URL: `amqps://u:${encodeURIComponent(secret)}@h,amqps://i` }),
  RABBITMQ_MANAGEMENT_URL: (secret) => ({
    RABBITMQ_MANAGEMENT_URL: `https://u:${encodeURIComponent(secret)}@h`,
  }),
  RABBITMQ_TLS_KEY: (secret) => ({ RABBITMQ_TLS_KEY: pem(secret), RABBITMQ_TLS_CERT: pem('certificate') }),
  RABBITMQ_TLS_PASSPHRASE: (secret) => ({ RABBITMQ_TLS_PASSPHRASE: secret }),
};

/** Raw, it breaks URLs and texts; still it must not be shown. */
const BREAKING: Readonly<Record<string, (secret: string) => Record<string, string>>> = {
  'RABBITMQ_URL with a raw password': (secret) => ({ RABBITMQ_URL: `amqp://u:${secret}@h/v` }),
  'RABBITMQ_URL of another protocol': (secret) => ({ RABBITMQ_URL: `http://u:${secret}@h` }),
  'RABBITMQ_URL without a host': (secret) => ({ RABBITMQ_URL: `amqp://u:${secret.replaceAll('@', '')}` }),
  'RABBITMQ_MANAGEMENT_URL with a raw password': (secret) => ({
    RABBITMQ_MANAGEMENT_URL: `ftp://u:${secret}@h`,
  }),
  'KAFKA_BROKERS with credentials': (secret) => ({ KAFKA_BROKERS: `kafka://u:${secret}@h:1` }),
  'KAFKA_BROKERS with credentials and no protocol': (secret) => ({ KAFKA_BROKERS: `u:${secret}@h:1` }),
  'KAFKA_SASL_PASSWORD with a line end': (secret) => ({ KAFKA_SASL_PASSWORD: `${secret}\n` }),
  'KAFKA_TLS_KEY in place of a path': (secret) => ({ KAFKA_TLS_KEY: secret }),
};

const CANARY = 'Canary7Qx';
/** Around the canary: what passwords are made of, quotes, separators and URL syntax included. */
const noise = fc.string({
  maxLength: 12,
  unit: fc.constantFrom(...'aZ0-_.!@:/%#?&=+,;\'"\\ $(){}[]<>|~^`é'.split('')),
});
const secrets = fc.tuple(noise, noise).map(([before, after]) => `${before}${CANARY}${after}`);

function logTo(config: BusConfig) {
  const chunks: string[] = [];
  const common = { level: 'debug' as const, secrets: secretsOf(config) };
  const stream = { write: (text: string) => chunks.push(text) };
  const loggers = [true, false].map((pretty) => createLogger({ ...common, stream, pretty }));
  return { loggers, text: () => chunks.join('') };
}

/** Everything that could carry a piece of the configuration into a log. */
function logEverything(config: BusConfig): string {
  const { loggers, text } = logTo(config);
  const carried = JSON.stringify([config.brokers, config.managementUrl]);
  for (const logger of loggers) {
    for (const secret of secretsOf(config)) {
      const cause = new Error(`refused ${secret}`);
      const error = new BuscouplerError('BC_AUTHENTICATION', `The server said: ${secret}.`, { cause });
      logEvent(logger, 'broker-lost', { broker: 'kafka', error });
      logEvent(logger, 'warning', { what: `saw ${secret}` });
    }
    logger.info({ config, url: config.managementUrl }, 'configured');
    for (const url of config.brokers.rabbitmq?.urls ?? []) logger.error({ err: new Error(url), url }, url);
    for (const what of config.warnings) logger.warn({}, what);
    if (secretsOf(config).length > 0) expect(carried).not.toBe('[{}]');
  }
  return text();
}

describe('a secret in the configuration', () => {
  it('has a slot here for every setting that is marked secret', () => {
    const marked = SETTINGS.filter(({ secret }) => secret !== undefined).map(({ env }) => env);
    expect(Object.keys(SLOTS).sort()).toEqual(marked.sort());
  });

  it.each(Object.entries(SLOTS))('%s shows in no log line, origin or warning', (_, slot) =>
    fc.assert(
      fc.asyncProperty(secrets, async (secret) => {
        const config = await loadConfig({ ...ENVIRONMENT, ...slot(secret) }, { file: false });
        const isHeld = secretsOf(config).some((text) => text.includes(CANARY));
        expect(isHeld).toBe(true);
        expect(JSON.stringify([config.origins, config.warnings])).not.toContain(CANARY);
        expect(logEverything(config)).not.toContain(CANARY);
      }),
      { numRuns: 20 },
    ),
  );

  it.each(Object.entries({ ...SLOTS, ...BREAKING }))('%s shows in no error about it', (_, slot) =>
    fc.assert(
      fc.asyncProperty(secrets, async (secret) => {
        const env = { ...ENVIRONMENT, ...slot(secret), PUBLISH_POLICY: 'wrong' };
        const error = await loadConfig(env, { file: false }).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(ConfigError);
        const { message, stack, problems } = error as ConfigError;
        expect(`${message}${stack}${JSON.stringify(problems)}`).not.toContain(CANARY);
      }),
      { numRuns: 25 },
    ),
  );

  it('in a URL is masked in any text, whatever it is made of, once it is encoded', () => {
    const check = fc.property(secrets, (secret) => {
      const url = `amqp://u:${encodeURIComponent(secret)}@h:5672/v`;
      expect(redactText(`connect ${url} failed`)).toBe('connect amqp://***@h:5672/v failed');
    });
    return fc.assert(check);
  });

  it('shows in no generated page', () => {
    const pages = Object.values(renderPages(process.cwd())).join('');
    expect(pages).not.toMatch(/PASSWORD=.|PASSPHRASE=.|TLS_KEY=./);
  });
});
