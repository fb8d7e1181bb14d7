import { parseArgs } from 'node:util';

/** How the server is started, for people. */
export const USAGE = `npm start -- [--config <file>]

  --config <file>  bus settings (.json, .js, .mjs); flags in a .json file are watched. Wins over BUSCOUPLER_FILE
  --help           this text

Every other setting is a variable of the environment or a line of .env: see docs/guide/server.md.`;

/** What the command line says. */
export interface Arguments {
  readonly isHelp: boolean;
  readonly file: string | null;
}

/** Reads the command line. Throws a TypeError that names the option in question. */
export function readArguments(args: readonly string[]): Arguments {
  const options = { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
  const { values } = parseArgs({ args: [...args], options, strict: true });
  return { isHelp: values.help ?? false, file: values.config ?? null };
}
