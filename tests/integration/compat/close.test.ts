import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createClients } from '../../../src/compat/kafka-client.js';
import { createLogger } from '../../../src/index.js';
import { createRecorder } from '../../../src/testing/recorder.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';

describeWithServers('closing the clients', { shared: ['kafka', 'rabbitmq-4.0'] }, (servers) => {
  test.each(['kafka', 'rabbitmq'] as const)(
    'a handler on %s that publishes to a new topic meanwhile finishes, and its message is no dead letter',
    async (leg) => {
      const id = randomUUID().slice(0, 8);
      const flag = `CONSUMER_CLOSE_${id.toUpperCase()}_BROKER`;
      const { KafkaClient, initializeKafka } = createClients();
      const started = createRecorder<unknown>('handlers');
      const lines: string[] = [];
      let finish: () => void = () => undefined;
      const closing = new Promise<void>((resolve) => {
        finish = resolve;
      });
      let sent: unknown = null;
      await KafkaClient.consumeFromTopic(`orders_${id}`, `close-${id}`, async (data) => {
        started.add(data);
        await closing;
        sent = (await KafkaClient.publishToTopic(`mails_${id}`, data)).brokers;
      });
      await initializeKafka({
        env: {
          KAFKA_ENABLED: 'true',
          KAFKA_BROKERS: servers.kafka.brokers.join(','),
          RABBITMQ_ENABLED: 'true',
          RABBITMQ_URL: servers['rabbitmq-4.0'].url,
          [flag]: leg,
        },
        file: false,
        logger: createLogger({ level: 'debug', pretty: true, stream: { write: (line) => lines.push(line) } }),
      });
      await KafkaClient.publishToTopic(`orders_${id}`, { n: 1 }, 'key');
      await started.atLeast(1);
      const closed = KafkaClient.close();
      finish();
      expect(await closed).toEqual({ publishes: 0, deliveries: 0 });
      expect(sent).toEqual({ kafka: 'stored', rabbitmq: 'stored' });
      expect(lines.filter((line) => line.includes('📮'))).toEqual([]);
    },
  );
});
