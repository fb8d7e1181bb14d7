import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/load-config.js';
import { ConfigError } from '../../../src/contract/errors.js';

const PEM = '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'buscoupler-tls-'));
  await writeFile(join(folder, 'ca.pem'), PEM);
  await writeFile(join(folder, 'no.pem'), 'nothing');
});
afterEach(() => rm(folder, { recursive: true }));

const kafka = { KAFKA_ENABLED: 'true', KAFKA_BROKERS: 'a:1' };
const load = (env: Record<string, string>) => loadConfig(env, { cwd: folder });
const problemsOf = async (env: Record<string, string>) => {
  const error = await load(env).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems;
};

describe('TLS', () => {
  it('is off by default, and on with KAFKA_TLS', async () => {
    expect((await load(kafka)).brokers.kafka?.tls).toBeUndefined();
    expect((await load({ ...kafka, KAFKA_TLS: 'true' })).brokers.kafka?.tls).toEqual({
      rejectUnauthorized: true,
    });
  });

  it('reads PEM files relative to the working directory, and takes PEM texts with written-out line ends', async () => {
    const env = { KAFKA_TLS_CA: 'ca.pem', KAFKA_TLS_CERT: PEM.replaceAll('\n', '\\n'), KAFKA_TLS_KEY: PEM };
    const config = await load({ ...kafka, ...env, KAFKA_TLS_SERVER_NAME: 'b' });
    expect(config.brokers.kafka?.tls).toEqual({
      ca: PEM,
      cert: PEM,
      key: PEM,
      serverName: 'b',
      rejectUnauthorized: true,
    });
  });

  it('reads files that the configuration file names relative to that file', async () => {
    const file = join(folder, 'buscoupler.config.json');
    await writeFile(file, '{"kafka":{"tls":{"ca":"ca.pem"}}}');
    expect((await loadConfig(kafka, { file, cwd: '/' })).brokers.kafka?.tls?.ca).toBe(PEM);
  });

  it.each([
    [{ KAFKA_TLS_CA: 'missing.pem' }, 'KAFKA_TLS_CA', 'ENOENT'],
    [{ KAFKA_TLS_CA: 'no.pem' }, 'KAFKA_TLS_CA', 'the file holds none'],
    [{ KAFKA_TLS_CERT: 'ca.pem' }, 'KAFKA_TLS_KEY', 'together'],
    [{ KAFKA_TLS_KEY: 'ca.pem' }, 'KAFKA_TLS_CERT', 'together'],
  ])('refuses %j', async (env, setting, why) => {
    expect(await problemsOf({ ...kafka, ...env })).toEqual([
      expect.objectContaining({ setting, allowed: expect.stringContaining(why) }),
    ]);
  });

  it('of RabbitMQ follows from the protocol of the URL; its settings without that protocol are refused', async () => {
    const on = { RABBITMQ_ENABLED: 'true', RABBITMQ_TLS_CA: 'ca.pem' };
    const config = await load({ ...on, RABBITMQ_URL: 'amqps://h' });
    expect(config.brokers.rabbitmq).toMatchObject({
      urls: ['amqps://guest:guest@h:5671/%2F'],
      tls: { ca: PEM },
    });
    expect(await problemsOf({ ...on, RABBITMQ_URL: 'amqp://h' })).toMatchObject([
      { setting: 'RABBITMQ_TLS_CA' },
    ]);
  });

  it('warns about settings without effect and about trust in anybody', async () => {
    const off = await load({ ...kafka, KAFKA_TLS: 'false', KAFKA_TLS_CA: 'ca.pem' });
    expect(off.warnings).toEqual(['KAFKA_TLS is false, so the other TLS settings of Kafka have no effect.']);
    const trusting = await load({ ...kafka, KAFKA_TLS_REJECT_UNAUTHORIZED: 'false' });
    expect(trusting.brokers.kafka?.tls?.rejectUnauthorized).toBe(false);
    expect(trusting.warnings).toEqual([expect.stringContaining('any server can pass for the broker')]);
  });
});

describe('SASL', () => {
  it.each(['plain', 'PLAIN', 'scram-sha-256', 'SCRAM-SHA-512'])(
    'takes user and password for %s',
    async (mechanism) => {
      const env = {
        KAFKA_SASL_MECHANISM: mechanism,
        KAFKA_SASL_USERNAME: 'u',
        KAFKA_SASL_PASSWORD: 'p w@:/%',
      };
      expect((await load({ ...kafka, ...env, KAFKA_TLS: 'true' })).brokers.kafka?.sasl).toEqual({
        mechanism: mechanism.toLowerCase(),
        username: 'u',
        password: 'p w@:/%',
      });
    },
  );

  it('reads the token of oauthbearer from its file each time', async () => {
    await writeFile(join(folder, 'token'), 'first\n');
    const env = { KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_TOKEN_FILE: 'token', KAFKA_TLS: 'true' };
    const { brokers } = await load({ ...kafka, ...env });
    const sasl = brokers.kafka?.sasl;
    if (sasl?.mechanism !== 'oauthbearer') throw new Error('no token');
    expect(await sasl.token()).toBe('first');
    await writeFile(join(folder, 'token'), 'second');
    expect(await sasl.token()).toBe('second');
    await writeFile(join(folder, 'token'), ' \n');
    await expect(sasl.token()).rejects.toMatchObject({ code: 'BC_AUTHENTICATION' });
    await rm(join(folder, 'token'));
    await expect(sasl.token()).rejects.toMatchObject({ code: 'BC_AUTHENTICATION' });
  });

  it('takes a function for the token', async () => {
    const token = async () => 'x';
    const overrides = { kafka: { sasl: { mechanism: 'oauthbearer', token } } };
    const config = await loadConfig(kafka, { file: false, overrides });
    expect(config.brokers.kafka?.sasl).toEqual({ mechanism: 'oauthbearer', token });
  });

  it.each<[Record<string, string>, string[]]>([
    [{ KAFKA_SASL_MECHANISM: 'plain' }, ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD']],
    [{ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u' }, ['KAFKA_SASL_PASSWORD']],
    [{ KAFKA_SASL_MECHANISM: 'oauthbearer' }, ['KAFKA_SASL_TOKEN_FILE']],
    [{ KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 's3cret' }, ['KAFKA_SASL_MECHANISM']],
    [{ KAFKA_SASL_MECHANISM: 'gssapi', KAFKA_SASL_USERNAME: 'u' }, ['KAFKA_SASL_MECHANISM']],
    [
      { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 's3\r\ncret' },
      ['KAFKA_SASL_PASSWORD'],
    ],
  ])('refuses %j', async (env, settings) => {
    const problems = await problemsOf({ ...kafka, ...env });
    expect(problems.map(({ setting }) => setting)).toEqual(settings);
    expect(JSON.stringify(problems)).not.toContain('s3');
  });

  it.each([
    ['plain', 1],
    ['scram-sha-512', 0],
  ])('with %s and no TLS gives %i warnings about credentials in the clear', async (mechanism, count) => {
    const env = { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' };
    expect((await load({ ...kafka, ...env })).warnings).toHaveLength(count);
  });
});
