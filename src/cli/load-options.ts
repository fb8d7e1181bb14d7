import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CreateBusOptions, loadConfig } from '../index.js';

/** A file that is no configuration of the command line. */
export class ConfigFileError extends Error {}

/**
 * The default export of a file, which is what `createBus` takes or a function that makes it. Throws ConfigFileError naming
 * the file. Without a file what `loadConfig` finds, or its error.
 */
export async function loadOptions(file?: string): Promise<CreateBusOptions> {
  if (file === undefined) return { config: await loadConfig() };
  const path = resolve(file);
  let exported: unknown;
  try {
    exported = ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
    if (typeof exported === 'function') exported = await exported();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigFileError(`${path} cannot be used: ${why}`, { cause });
  }
  if (typeof exported === 'object' && exported !== null && 'config' in exported)
    return exported as CreateBusOptions;
  throw new ConfigFileError(
    `${path} must export by default what createBus takes, or a function that returns it.`,
  );
}
