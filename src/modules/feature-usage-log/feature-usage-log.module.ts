import { defineConsumer, defineTopic, type MessageBus, type Receipt } from '../../index.js';
import type { ServerModule } from '../server-module.js';
import { type FeatureUsageInput, featureUsageSchema } from './feature-usage-log.schema.js';
import type { FeatureUsageLogStore } from './feature-usage-log.store.js';

/** Parts of the module. */
export interface FeatureUsageLogOptions {
  readonly store: FeatureUsageLogStore;
  /** The store and the inbox share transactions. */
  readonly hasTransactions?: boolean;
}

/** What the module publishes. */
export interface FeatureUsageLogPublisher {
  sendFeatureUsageLog(data: FeatureUsageInput, options?: { readonly id?: string }): Promise<Receipt>;
}

const featureUsage = defineTopic({
  name: 'feature_usage_topic',
  schema: featureUsageSchema,
  key: ({ user }) => user,
});

/** Stores every use of a feature once. */
export function featureUsageLogModule({
  store,
  hasTransactions = false,
}: FeatureUsageLogOptions): ServerModule<FeatureUsageLogPublisher> {
  const consumer = defineConsumer({
    name: 'feature-usage',
    topic: featureUsage,
    group: 'zaaz-server-feature-usage-group',
    invalid: 'drop',
    retry: { deferred: ['5s', '30s', '5m'] },
    onDuplicate: { index: { messageId: 1 } },
    ...(hasTransactions ? { inbox: { transaction: true } as const } : {}),
    handle: ({ data }, { messageId, session }) => store.insert({ ...data, messageId }, session),
  });
  return {
    topics: [featureUsage],
    consumers: [consumer],
    prepare: () => store.prepare(),
    publisher: (bus: MessageBus) => ({
      sendFeatureUsageLog: (data, options) => bus.publish(featureUsage, data, options),
    }),
  };
}
