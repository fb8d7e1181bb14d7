// The guide's "Example: Feature Usage Log", as it is written there.
import { KafkaClient } from '../../kafka/index.js';
import { FEATURE_USAGE_GROUP_ID, FEATURE_USAGE_TOPIC } from '../../names.js';
import { type FeatureUsage, FeatureUsageLogService, schema } from './feature-usage-log.service.js';

// Publisher
export const sendFeatureUsageLog = async (data: FeatureUsage) => {
  await KafkaClient.publishToTopic(FEATURE_USAGE_TOPIC, data, data.user);
};

// Consumer (automatically set up during initialization)
export const setupFeatureUsageLogConsumer = async () => {
  await KafkaClient.consumeFromTopic(FEATURE_USAGE_TOPIC, FEATURE_USAGE_GROUP_ID, async (data) => {
    // Validate and process
    const validatedData = schema.parse(data);
    await FeatureUsageLogService.createFeatureUsageLogFromServer(validatedData);
  });
};
