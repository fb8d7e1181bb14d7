import * as z from 'zod';
import { ConfigError } from '../index.js';
import type { Environment } from './environment.js';

/** What the server needs besides the bus. */
export interface AppSettings {
  /** Where the HTTP API listens; port 0: any free one. */
  readonly http: { readonly host: string; readonly port: number };
  /** `null`: no MongoDB. */
  readonly mongodbUrl: string | null;
  /** Longest time from the first SIGTERM to the end, ms. */
  readonly shutdownTimeoutMs: number;
  /** The file of settings whose flags are watched; `null`: `buscoupler.config.json` in the working directory, if it is there. */
  readonly file: string | null;
}

/** One variable of the server, with what its documentation says. */
export interface AppSetting {
  readonly env: string;
  /** As text, as the environment would have it; absent: not set. */
  readonly fallback?: string;
  /** What `.env.example` sets. */
  readonly example?: string;
  readonly doc: string;
  readonly allowed: string;
  readonly isSecret?: boolean;
  readonly isValid: (text: string) => boolean;
}

const PORT_MAX = 65_535;
const TIMEOUT_MAX_MS = 3_600_000;

const isWhole = (text: string, { min, max }: { readonly min: number; readonly max: number }): boolean =>
  /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max;

/** Every variable that the server reads besides those of `loadConfig`. */
export const APP_SETTINGS = [
  {
    env: 'HTTP_HOST',
    fallback: '127.0.0.1',
    doc: 'Address that the HTTP API listens on. It knows no users: whoever reaches it may use all of it.',
    allowed: 'a host name or an IP address',
    isValid: (text) => z.union([z.hostname(), z.ipv4(), z.ipv6()]).safeParse(text).success,
  },
  {
    env: 'HTTP_PORT',
    fallback: '3000',
    doc: 'Port of the HTTP API. 0: any free one; the log says which.',
    allowed: 'a whole number from 0 to 65,535',
    isValid: (text) => isWhole(text, { min: 0, max: PORT_MAX }),
  },
  {
    env: 'MONGODB_URL',
    example: 'mongodb://127.0.0.1:27017/buscoupler?replicaSet=rs0',
    doc: 'Where MongoDB is. Without it only embedded brokers are served, and what is stored ends with the process.',
    allowed:
      '`mongodb://user:password@host:port/database?replicaSet=name`, user and password percent-encoded',
    isSecret: true,
    isValid: (text) => /^mongodb(\+srv)?:\/\/[^\s/]+(\/\S*)?$/.test(text),
  },
  {
    env: 'SHUTDOWN_TIMEOUT_MS',
    fallback: '10000',
    doc: 'Longest time that requests and handlers get to finish after SIGTERM or SIGINT.',
    allowed: 'a whole number from 1 to 3,600,000 (ms, without a unit in the value)',
    isValid: (text) => isWhole(text, { min: 1, max: TIMEOUT_MAX_MS }),
  },
  {
    env: 'BUSCOUPLER_FILE',
    doc: 'File of the bus settings whose flags are watched; `--config` wins over it. Without it: `buscoupler.config.json` in the working directory, if it is there.',
    allowed: 'the path of a `.json`, `.js` or `.mjs` file',
    isValid: (text) => /\.(json|[cm]?js)$/.test(text),
  },
] as const satisfies readonly AppSetting[];

const SHOWN_MAX_LENGTH = 80;

/** An address that was refused may still hold a password. */
function show({ isSecret = false }: AppSetting, text: string): string {
  if (isSecret || /:.*@/s.test(text)) return '***';
  return JSON.stringify(text.length > SHOWN_MAX_LENGTH ? `${text.slice(0, SHOWN_MAX_LENGTH)}…` : text);
}

/** Reads and checks the variables of the server; an empty one counts as not set. Throws one ConfigError that lists every bad value. */
export function readSettings(env: Environment): AppSettings {
  const textOf = (name: string): string | undefined => env[name] || undefined;
  const settings: readonly AppSetting[] = APP_SETTINGS;
  const problems = settings.flatMap((setting) => {
    const text = textOf(setting.env);
    if (text === undefined || setting.isValid(text)) return [];
    return [{ setting: setting.env, was: show(setting, text), allowed: setting.allowed }];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  const [host, port, , shutdown] = APP_SETTINGS;
  return {
    http: {
      host: textOf(host.env) ?? host.fallback,
      port: Number(textOf(port.env) ?? port.fallback),
    },
    mongodbUrl: textOf('MONGODB_URL') ?? null,
    shutdownTimeoutMs: Number(textOf(shutdown.env) ?? shutdown.fallback),
    file: textOf('BUSCOUPLER_FILE') ?? null,
  };
}
