import type { SetupCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { json, plain, table } from '../text.js';

/** Options of `config`. */
export interface ConfigOptions {
  /** Shows where each value came from. */
  readonly origin?: boolean;
}

const WORDS = { default: 'default', file: 'file', environment: 'environment', override: 'code' } as const;

/** Shows every setting as it was resolved. Values come masked. */
export const showConfig: SetupCommand<ConfigOptions> = async ({ given, io, isJson, paint }, { origin }) => {
  const settings = Object.entries(given.config.origins).map(([setting, { shown, source, name }]) => ({
    setting,
    value: shown,
    // A default has no origin; its name is what would change it.
    ...(origin === true && { origin: WORDS[source], name }),
  }));
  if (isJson) {
    await io.out(`${json(settings, 2)}\n`);
    return EXIT.done;
  }
  const head = ['SETTING', 'VALUE', ...(origin === true ? ['ORIGIN', 'NAME'] : [])];
  const rows = settings.map((one) => Object.values(one).map(plain));
  await io.out(table(head, rows, paint));
  return EXIT.done;
};
