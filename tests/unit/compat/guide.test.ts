import { afterAll, expect, test } from '@jest/globals';
import { initializeKafka, KafkaClient } from '../../support/guide-server/kafka/index.js';
import {
  sendFeatureUsageLog,
  setupFeatureUsageLogConsumer,
} from '../../support/guide-server/modules/feature-usage-log/feature-usage-log.kafka-consumer.js';
import { logged } from '../../support/guide-server/modules/feature-usage-log/feature-usage-log.service.js';
import {
  publishPurchases,
  purchases,
  setupPurchasesConsumer,
} from '../../support/guide-server/modules/purchases/purchases.kafka-consumer.js';

afterAll(() => KafkaClient.close());

test("the guide's code runs as it is on embedded brokers, configured by the environment", async () => {
  Object.assign(process.env, { EMBEDDED: 'true', LOG_LEVEL: 'silent' });
  await setupFeatureUsageLogConsumer();
  await setupPurchasesConsumer();

  // During app startup
  await initializeKafka();

  const usage = { feature_endpoint: 'endpoint-id', user: 'user-id', email: 'user@example.com' };
  await sendFeatureUsageLog(usage);
  await publishPurchases();
  expect(await logged.atLeast(1)).toEqual([usage]);
  const seen = await purchases.atLeast(2);
  expect(seen).toContainEqual({ userId: '123', action: 'purchase', amount: 100 });
  expect(seen).toContain('Dropping message to avoid infinite loop');
});
