import { BuscouplerError, ConfigError } from '../index.js';
import type { Environment } from './environment.js';
import { maskSecrets, secretsIn } from './secret-url.js';

/** Variables whose values are, or hold, secrets. */
const SECRET_VARIABLE = /URL$|PASSWORD|PASSPHRASE|SECRET|TOKEN|_KEY$/;

/** Shorter texts occur by chance. */
const SECRET_MIN_LENGTH = 4;

/** What went wrong for the one who starts the server: a sentence with its code, no stack, no secret of the environment. */
export function describeFailure(error: unknown, env: Environment): string {
  const said = error instanceof ConfigError ? settingsOf(error) : messageOf(error);
  const code = error instanceof BuscouplerError ? ` [${error.code}]` : '';
  return maskSecrets(`${said}${code}`, secretsOf(env));
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message.trimEnd() : String(error);

/** One bad setting on one line. */
const settingsOf = ({ problems }: ConfigError): string =>
  problems.map(({ setting, was, allowed }) => `${setting}: was ${was}; allowed: ${allowed}`).join('\n  ');

const secretsOf = (env: Environment): string[] =>
  Object.entries(env)
    .filter(([name]) => SECRET_VARIABLE.test(name))
    .flatMap(([, value = '']) => (/^\w+:\/\//.test(value) ? value.split(',').flatMap(secretsIn) : [value]))
    .filter((secret) => secret.length >= SECRET_MIN_LENGTH)
    .sort((a, b) => b.length - a.length);
