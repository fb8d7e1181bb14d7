import { type CreateBusOptions, loadConfig } from '../index.js';
import type { Environment } from './environment.js';
import { createModules, type Modules } from './modules.js';
import { openStores, type Stores } from './open-stores.js';
import { type AppSettings, readSettings } from './settings.js';

/** All that the server is made of, connected to its stores and to no broker. */
export interface Assembly {
  readonly settings: AppSettings;
  readonly options: CreateBusOptions;
  readonly modules: Modules;
  readonly stores: Stores;
  /** What works and may not be meant, a sentence each. */
  readonly warnings: readonly string[];
}

const EMBEDDED_WARNING =
  'EMBEDDED=true: the brokers are in the memory of this process and end with it; for development only.';

const MEMORY_WARNING =
  'MONGODB_URL is not set: balances, logs and the inbox are in the memory of this process and end with it.';

/**
 * Reads the settings, opens the stores and builds the modules on them. Rejects with a ConfigError that names every bad
 * setting; without a broker, with the variables that turn one on.
 */
export async function assemble(
  env: Environment,
  { file }: { readonly file?: string } = {},
): Promise<Assembly> {
  const settings = readSettings(env);
  const path = file ?? settings.file;
  const config = await loadConfig(env, path === null ? {} : { file: path });
  const stores = await openStores(settings.mongodbUrl, config.embedded);
  const modules = createModules(stores);
  const all = Object.values(modules);
  return {
    settings,
    modules,
    stores,
    options: {
      config,
      inbox: stores.inbox,
      topics: all.flatMap(({ topics }) => topics),
      consumers: all.flatMap(({ consumers }) => consumers),
    },
    warnings: [
      ...(config.embedded ? [EMBEDDED_WARNING] : []),
      ...(settings.mongodbUrl === null ? [MEMORY_WARNING] : []),
    ],
  };
}
