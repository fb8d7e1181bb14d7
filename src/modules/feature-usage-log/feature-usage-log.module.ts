import { defineConsumer, defineTopic, type MessageBus, type Receipt } from '../../index.js';
import { type ConsumingOptions, consuming } from '../consuming.js';
import { dropInvalid } from '../drop-invalid.js';
import type { ServerModule } from '../server-module.js';
import { type FeatureUsageInput, featureUsageSchema } from './feature-usage-log.schema.js';
import { FeatureUsageLogService } from './feature-usage-log.service.js';
import type { FeatureUsageLogStore } from './feature-usage-log.store.js';

/** Parts of the module. */
export interface FeatureUsageLogOptions extends ConsumingOptions {
  readonly store: FeatureUsageLogStore;
}

/** What the module publishes. */
export interface FeatureUsageLogPublisher {
  sendFeatureUsageLog(data: FeatureUsageInput, options?: { readonly id?: string }): Promise<Receipt>;
}

/** The module, and its service for what is asked without a message. */
export interface FeatureUsageLogModule extends ServerModule<FeatureUsageLogPublisher> {
  readonly service: FeatureUsageLogService;
}

const featureUsage = defineTopic({
  name: 'feature_usage_topic',
  schema: featureUsageSchema,
  key: ({ user }) => user,
});

/** Stores every use of a feature once. */
export function featureUsageLogModule(options: FeatureUsageLogOptions): FeatureUsageLogModule {
  const { store } = options;
  const service = new FeatureUsageLogService(store);
  const consumer = defineConsumer({
    name: 'feature-usage',
    topic: featureUsage,
    group: 'zaaz-server-feature-usage-group',
    ...consuming(options),
    onDuplicate: { index: { messageId: 1 } },
    handle: dropInvalid(({ data, publishedAt }, { messageId, session }) =>
      service.createFeatureUsageLogFromServer(data, { messageId, publishedAt, session }),
    ),
  });
  return {
    service,
    topics: [featureUsage],
    consumers: [consumer],
    prepare: () => store.prepare(),
    publisher: (bus: MessageBus) => ({
      sendFeatureUsageLog: (data, given) => bus.publish(featureUsage, data, given),
    }),
  };
}
