import { existsSync } from 'node:fs';
import { extname, isAbsolute, resolve } from 'node:path';
import { type LilconfigResult, lilconfig, type Options } from 'lilconfig';
import { ConfigError, describeError } from '../contract/errors.js';
import { showText } from './problems.js';

/** Names of the file, in the order in which they are looked for. */
const CONFIG_FILE_NAMES = [
  'buscoupler.config.js',
  'buscoupler.config.mjs',
  'buscoupler.config.json',
] as const;

/** A file that was read. */
export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Parses the text of a `.json` file. The parser's own message quotes the text, which may be a secret. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new SyntaxError('The text is no valid JSON.');
  }
}

const searcher = (cwd: string) => {
  const loader = (_path: string, text: string): unknown => parseJson(text);
  const options: Options = {
    searchPlaces: [...CONFIG_FILE_NAMES],
    stopDir: cwd,
    cache: false,
    ignoreEmptySearchPlaces: false,
    loaders: { '.json': loader },
  };
  return lilconfig('buscoupler', options);
};

const refuse = (setting: string, was: string, allowed: string): never => {
  throw new ConfigError([{ setting, was, allowed }]);
};

/** With two files, one would be edited without effect. */
function checkOnlyOne(cwd: string): void {
  const there = CONFIG_FILE_NAMES.filter((name) => existsSync(resolve(cwd, name)));
  if (there.length > 1) refuse('file', there.join(', '), 'one of these files');
}

async function load(file: string | undefined, cwd: string): Promise<LilconfigResult> {
  if (file === undefined) {
    checkOnlyOne(cwd);
    return searcher(cwd).search(cwd);
  }
  const path = isAbsolute(file) ? file : resolve(cwd, file);
  if (!['.js', '.mjs', '.cjs', '.json'].includes(extname(path))) {
    refuse('file', `"${showText(file)}"`, 'a file that ends in .js, .mjs or .json');
  }
  return searcher(cwd).load(path);
}

/**
 * Reads the named file, or `buscoupler.config.{js,mjs,json}` in `cwd`; `null` if there is none and none was named.
 * Throws ConfigError when it cannot be read or is no object.
 */
export async function readConfigFile(file: string | undefined, cwd: string): Promise<ConfigFile | null> {
  let found: LilconfigResult = null;
  try {
    found = await load(file, cwd);
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown;
    refuse(file ?? 'buscoupler.config', showText(describeError(thrown)), 'a file that can be read');
  }
  if (found === null) return null;
  const values: unknown = found.isEmpty ? undefined : found.config;
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    refuse(found.filepath, 'no object', 'an object of settings: JSON, or the default export');
  }
  return { path: found.filepath, values: values as Record<string, unknown> };
}
