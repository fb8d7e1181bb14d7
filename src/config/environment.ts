import { SETTINGS, type Setting } from './settings.js';

/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process. No other file reads it. */
export const processEnvironment = (): Environment => process.env;

/** What the environment says. */
export interface EnvironmentValues {
  /** Nested like the file. */
  readonly values: Record<string, unknown>;
  /** Texts of `CONSUMER_<NAME>_BROKER` and of what looks like one, by variable. */
  readonly flags: Readonly<Record<string, string>>;
}

/** A comma between URLs; one inside a password does not count. */
const BETWEEN_URLS = /\s*,\s*(?=[a-z][a-z0-9+.-]*:\/\/)/i;
const BETWEEN_ITEMS = /\s*,\s*/;

const FROM_TEXT: Record<Setting['kind'], (text: string, setting: Setting) => unknown> = {
  text: (text) => text,
  other: (text) => text,
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  integer: (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : text),
  list: (text, { secret }) => text.trim().split(secret === 'url' ? BETWEEN_URLS : BETWEEN_ITEMS),
};

/** Reads every variable that the schema names. An empty variable counts as not set. */
export function readEnvironment(env: Environment): EnvironmentValues {
  const values: Record<string, unknown> = {};
  for (const setting of SETTINGS) {
    const text = setting.env === undefined ? undefined : env[setting.env];
    if (text !== undefined && text !== '') put(values, setting.path, FROM_TEXT[setting.kind](text, setting));
  }
  return { values, flags: readFlags(env) };
}

function put(values: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let section = values;
  for (const key of path.slice(0, -1)) {
    section[key] ??= {};
    section = section[key] as Record<string, unknown>;
  }
  section[path.at(-1) as string] = value;
}

const FLAG = /^CONSUMER_.+_BROKER$/;

/** A misspelt flag: other variables, as `CONSUMER_KEY`, belong to somebody else. */
const isMeantAsFlag = (name: string, text: string): boolean =>
  name.startsWith('CONSUMER_') && (text === 'kafka' || text === 'rabbitmq');

function readFlags(env: Environment): Record<string, string> {
  const flags: Record<string, string> = {};
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || text === '') continue;
    if (FLAG.test(name) || isMeantAsFlag(name, text)) flags[name] = text;
  }
  return flags;
}
