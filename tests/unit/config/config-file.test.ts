import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/load-config.js';
import { ConfigError } from '../../../src/contract/errors.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'buscoupler-config-'));
});
afterEach(() => rm(folder, { recursive: true }));

const put = (name: string, text: string) => writeFile(join(folder, name), text);
const load = (env: Record<string, string> = {}) => loadConfig({ EMBEDDED: 'true', ...env }, { cwd: folder });
const problemsOf = async (run: Promise<unknown>) => {
  const error = await run.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems;
};

describe('the configuration file', () => {
  it('is optional', async () => {
    expect((await load()).file).toBeNull();
  });

  it('says what variables cannot, and the environment wins over it', async () => {
    await put(
      'buscoupler.config.json',
      '\uFEFF{"logLevel":"warn","publish":{"policy":"any","timeoutMs":7},"consumers":{"a":{"broker":"kafka","concurrency":2}}}',
    );
    const config = await load({ PUBLISH_TIMEOUT_MS: '9' });
    expect(config).toMatchObject({
      file: join(folder, 'buscoupler.config.json'),
      logLevel: 'warn',
      publish: { policy: 'any', timeoutMs: 9 },
      consumers: { a: { concurrency: 2 } },
      flags: { file: { a: 'kafka' } },
    });
    expect(config.origins['publish.policy']).toMatchObject({
      source: 'file',
      name: `publish.policy in ${config.file}`,
    });
  });

  it('is read when it is named, wherever it is', async () => {
    await put('other.json', '{"logLevel":"error"}');
    const env = { EMBEDDED: 'true' };
    expect((await loadConfig(env, { file: 'other.json', cwd: folder })).logLevel).toBe('error');
    expect((await loadConfig(env, { file: join(folder, 'other.json') })).logLevel).toBe('error');
  });

  it('is not looked for when it is turned off', async () => {
    await put('buscoupler.config.json', '{"logLevel":"error"}');
    expect((await loadConfig({ EMBEDDED: 'true' }, { file: false, cwd: folder })).file).toBeNull();
  });

  it('is not looked for in the folders above', async () => {
    await put('buscoupler.config.json', '{"logLevel":"error"}');
    const inner = await mkdtemp(join(folder, 'inner-'));
    expect((await loadConfig({ EMBEDDED: 'true' }, { cwd: inner })).file).toBeNull();
  });

  it.each([
    ['truncated JSON', '{"kafka":{"sasl":{"password":"s3cret'],
    ['nothing', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"s3cret"'],
  ])('is refused with %s, and its text is not repeated', async (_, text) => {
    await put('buscoupler.config.json', text);
    const problems = await problemsOf(load());
    expect(problems).toHaveLength(1);
    expect(JSON.stringify(problems)).not.toContain('s3cret');
  });

  it('is refused when it is named and missing, or of another kind', async () => {
    const env = { EMBEDDED: 'true' };
    expect(await problemsOf(loadConfig(env, { file: 'none.json', cwd: folder }))).toMatchObject([
      { setting: 'none.json' },
    ]);
    expect(await problemsOf(loadConfig(env, { file: 'a.yaml', cwd: folder }))).toMatchObject([
      { was: '"a.yaml"' },
    ]);
  });

  it('is refused when there are two, as one would be edited without effect', async () => {
    await put('buscoupler.config.json', '{}');
    await put('buscoupler.config.mjs', 'export default {}');
    expect(await problemsOf(load())).toMatchObject([
      { was: 'buscoupler.config.mjs, buscoupler.config.json', allowed: 'one of these files' },
    ]);
  });

  it('names path and file of a bad value', async () => {
    await put(
      'buscoupler.config.json',
      '{"publish":{"timeoutMs":"10s"},"kafka":{"brokers":["x"]},"typo":"s3cret"}',
    );
    const problems = await problemsOf(load());
    const file = join(folder, 'buscoupler.config.json');
    expect(problems.map(({ setting, was }) => [setting, was])).toEqual([
      [`kafka.brokers in ${file}`, '"x"'],
      [`publish.timeoutMs in ${file}`, '"10s"'],
      [`typo in ${file}`, 'an unknown key'],
    ]);
  });

  it('is refused where it holds a value instead of a section that the environment completes', async () => {
    await put('buscoupler.config.json', '{"kafka":"a:1"}');
    const problems = await problemsOf(load({ KAFKA_CLIENT_ID: 'x' }));
    expect(problems).toMatchObject([{ setting: expect.stringMatching(/^kafka in /), was: 'a single value' }]);
  });
});

/**
 * Files with code are loaded by Node.js itself, which a test runner that replaces modules does not show: one process
 * loads them all.
 */
describe('a configuration file with code', () => {
  const BODY = "{ logLevel: 'debug', topics: { a: { rabbitmq: { routingKey: () => 'k' } } } }";
  const CASES: Readonly<Record<string, readonly [file: string, text: string]>> = {
    module: ['buscoupler.config.mjs', `export default ${BODY};`],
    commonJs: ['buscoupler.config.js', `module.exports = ${BODY};`],
    throwing: ['buscoupler.config.mjs', 'throw new Error("no amqp://u:s3cret@h");'],
    withoutDefault: ['buscoupler.config.mjs', 'export const config = {};'],
  };

  async function runCases(): Promise<Record<string, { message?: string }>> {
    for (const [name, [file, text]] of Object.entries(CASES)) {
      await mkdir(join(folder, name));
      await put(join(name, file), text);
    }
    const script = resolve(__dirname, '../../../src/config/load-config.ts');
    await put(
      'run.mts',
      `import { loadConfig } from ${JSON.stringify(script)};
       const results = {};
       for (const name of ${JSON.stringify(Object.keys(CASES))}) {
         const config = await loadConfig({ EMBEDDED: 'true' }, { cwd: name }).catch((error) => error);
         const routingKey = typeof config.topics?.a?.rabbitmq?.routingKey;
         results[name] = { message: config.message, logLevel: config.logLevel, routingKey };
       }
       console.log(JSON.stringify(results));`,
    );
    const tsx = resolve(__dirname, '../../../node_modules/tsx/dist/cli.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [tsx, 'run.mts'], { cwd: folder });
    return JSON.parse(stdout);
  }

  it('is loaded as ESM and as CommonJS, functions included, or refused with what is wrong', async () => {
    const { module, commonJs, throwing, withoutDefault } = await runCases();
    expect(module).toEqual({ logLevel: 'debug', routingKey: 'function' });
    expect(commonJs).toEqual(module);
    expect(throwing?.message).toContain('no amqp://***@h');
    expect(withoutDefault?.message).toContain('an object of settings: JSON, or the default export');
  });
});
