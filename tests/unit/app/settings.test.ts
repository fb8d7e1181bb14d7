import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { expect, test } from '@jest/globals';
import { APP_SETTINGS, readSettings } from '../../../src/app/settings.js';
import { ConfigError } from '../../../src/index.js';
import { ROOT } from '../../support/run-program.js';

/** What is wrong with an environment. */
function problemsOf(env: Readonly<Record<string, string>>) {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
  }
  return [];
}

test('listens on this machine only unless told otherwise', () => {
  expect(readSettings({})).toEqual({
    http: { host: '127.0.0.1', port: 3000 },
    mongodbUrl: null,
    shutdownTimeoutMs: 10_000,
    file: null,
  });
  expect(readSettings({ HTTP_PORT: '' })).toEqual(readSettings({}));
});

test('takes what the environment says', () => {
  const env = {
    HTTP_HOST: '::1',
    HTTP_PORT: '0',
    MONGODB_URL: 'mongodb://a:b@one:1,two:2/app?replicaSet=rs0',
    SHUTDOWN_TIMEOUT_MS: '500',
    BUSCOUPLER_FILE: 'bus.json',
  };
  expect(readSettings(env)).toEqual({
    http: { host: '::1', port: 0 },
    mongodbUrl: env.MONGODB_URL,
    shutdownTimeoutMs: 500,
    file: 'bus.json',
  });
});

test.each([
  ['HTTP_PORT', '65536'],
  ['HTTP_PORT', '-1'],
  ['HTTP_PORT', '0x10'],
  ['HTTP_PORT', '80 '],
  ['HTTP_HOST', 'http://127.0.0.1'],
  ['HTTP_HOST', 'a b'],
  ['SHUTDOWN_TIMEOUT_MS', '0'],
  ['SHUTDOWN_TIMEOUT_MS', '10s'],
  ['BUSCOUPLER_FILE', 'bus.yaml'],
])('%s=%s is refused with what is allowed', (env, text) => {
  const allowed = APP_SETTINGS.find((setting) => setting.env === env)?.allowed;
  expect(problemsOf({ [env]: text })).toEqual([{ setting: env, was: JSON.stringify(text), allowed }]);
});

test('tells all bad values together, and of a bad address nothing that could be its password', () => {
  const problems = problemsOf({
    MONGODB_URL: 'mongo://ann:hunter22@host',
    HTTP_PORT: 'http',
    HTTP_HOST: 'ann:hunter22@host',
  });
  expect(problems.map(({ setting }) => setting)).toEqual(['HTTP_HOST', 'HTTP_PORT', 'MONGODB_URL']);
  expect(JSON.stringify(problems)).not.toContain('hunter22');
});

test('takes .env.example as it is, whose comments show the true defaults', () => {
  const text = readFileSync(join(ROOT, '.env.example'), 'utf8');
  expect(readSettings(parseEnv(text)).mongodbUrl).toMatch(/^mongodb:.+replicaSet=/);
  const shown = parseEnv(text.replace(/^# ([A-Z_]+=)/gm, '$1'));
  expect({ ...readSettings(shown), mongodbUrl: null }).toEqual(readSettings({}));
});
