import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process, over the `.env` file in `cwd` if there is one. No other file of the server reads either. */
export function readEnvironment(cwd: string = process.cwd()): Environment {
  const file = join(cwd, '.env');
  if (!existsSync(file)) return process.env;
  return { ...(parseEnv(readFileSync(file, 'utf8')) as Environment), ...process.env };
}
