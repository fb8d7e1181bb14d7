import { mongoFeatureUsageLogStore } from '../modules/feature-usage-log/feature-usage-log.model.js';
import { featureUsageLogModule } from '../modules/feature-usage-log/feature-usage-log.module.js';
import { memoryFeatureUsageLogStore } from '../modules/feature-usage-log/feature-usage-log.store.js';
import type { Stores } from './open-stores.js';

/** The modules of the server and the stores that they stand on. */
export function createModules({ connection, hasTransactions }: Stores) {
  const usageStore =
    connection === null ? memoryFeatureUsageLogStore() : mongoFeatureUsageLogStore(connection);
  return {
    usage: { ...featureUsageLogModule({ store: usageStore, hasTransactions }), store: usageStore },
  };
}

/** What {@link createModules} makes. */
export type Modules = ReturnType<typeof createModules>;
