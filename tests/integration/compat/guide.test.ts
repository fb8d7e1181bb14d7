import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLogger } from '../../../src/index.js';
import { createRecorder } from '../../../src/testing/recorder.js';
import { rawClient } from '../../contract/kafka-raw.js';
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
import { FEATURE_USAGE_GROUP_ID, FEATURE_USAGE_TOPIC } from '../../support/guide-server/names.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';

const usage = { feature_endpoint: 'endpoint-id', user: 'user-id', email: 'user@example.com' };

/** Every letter of a dead-letter topic from its beginning: its value and headers, as text. */
function readLetters(brokers: readonly string[], topic: string) {
  const letters = createRecorder<{ value: unknown; headers: Record<string, string> }>('letters');
  const consumer = rawClient(brokers).consumer({ groupId: `${topic}-reader` });
  const start = async (): Promise<void> => {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message: { value, headers = {} } }) =>
        letters.add({
          value: JSON.parse(String(value)),
          headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
        }),
    });
  };
  return { letters, start, stop: () => consumer.disconnect() };
}

describeWithServers("the guide's code", { shared: ['kafka', 'rabbitmq-4.0'] }, (servers) => {
  const lines = createRecorder<string>('lines');
  const deadLetters = readLetters(servers.kafka.brokers, `${FEATURE_USAGE_TOPIC}_dlt`);
  const flag = `CONSUMER_${FEATURE_USAGE_GROUP_ID.toUpperCase().replaceAll('-', '_')}_BROKER`;

  beforeAll(async () => {
    await setupFeatureUsageLogConsumer();
    await setupPurchasesConsumer();
    await initializeKafka({
      env: {
        KAFKA_ENABLED: 'true',
        KAFKA_BROKERS: servers.kafka.brokers.join(','),
        KAFKA_CLIENT_ID: 'zaaz-server',
        RABBITMQ_ENABLED: 'true',
        RABBITMQ_URL: servers['rabbitmq-4.0'].url,
        [flag]: 'kafka', // the other consumer is fed by RabbitMQ
      },
      file: false,
      logger: createLogger({ level: 'debug', pretty: true, stream: { write: lines.add } }),
    });
  }, 60_000);
  afterAll(async () => {
    await KafkaClient.close();
    await deadLetters.stop();
  }, 30_000);

  test('logs usage from Kafka and purchases from RabbitMQ, both published to both', async () => {
    await sendFeatureUsageLog(usage);
    await publishPurchases();
    expect(await logged.atLeast(1)).toEqual([usage]);
    const seen = await purchases.atLeast(2);
    expect(seen).toContainEqual({ userId: '123', action: 'purchase', amount: 100 });
    expect(seen).toContain('Dropping message to avoid infinite loop');
  });

  test("writes the guide's lines word for word", async () => {
    for (const text of [
      `📨 Attempting to connect to Kafka brokers: ${servers.kafka.brokers.join(',')}...`,
      '✅ Kafka Producer connected',
      '✅ Kafka Admin connected',
      '✅ Kafka Infrastructure verified',
      `📥 Waiting for messages in topic '${FEATURE_USAGE_TOPIC}' (Group: ${FEATURE_USAGE_GROUP_ID})...`,
      `📤 Message published to topic '${FEATURE_USAGE_TOPIC}'`,
    ])
      await lines.first((line) => line.includes(text));
    const processed = `✅ Message processed from topic '${FEATURE_USAGE_TOPIC}' \\(Partition: \\d+, Offset: \\d+\\)`;
    await lines.first((line) => new RegExp(processed).test(line));
  });

  test('loses what fails as a ZodError, and only that', async () => {
    await sendFeatureUsageLog({ ...usage, email: 7 as never });
    await lines.first((line) => line.includes('⚠️ Dropping message to avoid infinite loop'));
    await sendFeatureUsageLog({ ...usage, user: 'unlucky' });
    await deadLetters.start();
    const [letter] = await deadLetters.letters.atLeast(1);
    expect(letter).toEqual({
      value: { ...usage, user: 'unlucky' },
      headers: expect.objectContaining({
        'original-topic': FEATURE_USAGE_TOPIC,
        'failed-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        'bc-attempt': '3',
        'bc-reason': 'attempts',
      }),
    });
    expect(deadLetters.letters.items).toHaveLength(1);
  });
});
