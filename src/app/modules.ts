import { memoryCreditsStore } from '../modules/credits-process/credits-process.memory.js';
import { creditsProcessModule } from '../modules/credits-process/credits-process.module.js';
import { mongoCreditsStore } from '../modules/credits-process/credits-process.mongo.js';
import { mongoFeatureUsageLogStore } from '../modules/feature-usage-log/feature-usage-log.model.js';
import { featureUsageLogModule } from '../modules/feature-usage-log/feature-usage-log.module.js';
import { memoryFeatureUsageLogStore } from '../modules/feature-usage-log/feature-usage-log.store.js';
import { mongoUserRegistrationStore } from '../modules/user-registration/user-registration.model.js';
import { userRegistrationModule } from '../modules/user-registration/user-registration.module.js';
import { memoryUserRegistrationStore } from '../modules/user-registration/user-registration.store.js';
import type { Stores } from './open-stores.js';

const memoryModuleStores = () => ({
  usage: memoryFeatureUsageLogStore(),
  credits: memoryCreditsStore(),
  registration: memoryUserRegistrationStore(),
});

const mongoModuleStores = (connection: NonNullable<Stores['connection']>) => ({
  usage: mongoFeatureUsageLogStore(connection),
  credits: mongoCreditsStore(connection),
  registration: mongoUserRegistrationStore(connection),
});

/** The modules of the server and the stores that they stand on. */
export function createModules({ connection, hasTransactions }: Stores) {
  const { usage, credits, registration } =
    connection === null ? memoryModuleStores() : mongoModuleStores(connection);
  return {
    usage: featureUsageLogModule({ store: usage, hasTransactions }),
    credits: creditsProcessModule({ store: credits, hasTransactions }),
    registration: {
      ...userRegistrationModule({ store: registration, hasTransactions }),
      store: registration,
    },
  };
}

/** What {@link createModules} makes. */
export type Modules = ReturnType<typeof createModules>;
