import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import { type Clients, createClients } from '../../../src/compat/kafka-client.js';
import { createRecorder } from '../../../src/testing/recorder.js';
import { peek, toRaw, withChannel } from '../../contract/rabbitmq-raw.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';

describeWithServers('queues', { shared: ['rabbitmq-3.10', 'rabbitmq-4.0'] }, (servers) => {
  let clients: Clients;
  afterEach(() => clients.RabbitMQClient.close());

  /** Clients over RabbitMQ alone; `lines` counts what they tell. */
  async function open(url: string) {
    const settled = createRecorder<string>('lines');
    const line = (_: object, text: string): void => settled.add(text);
    const isLevelEnabled = (): boolean => true;
    clients = createClients();
    const logger = { level: 'debug', debug: line, info: line, warn: line, error: line, isLevelEnabled };
    const env = { KAFKA_ENABLED: 'false', RABBITMQ_ENABLED: 'true', RABBITMQ_URL: url, LOG_LEVEL: 'debug' };
    await clients.initializeRabbitMQ({ env, file: false, logger });
    return { ...clients, settled, queue: `mails-${randomUUID().slice(0, 8)}` };
  }

  test.each(['rabbitmq-3.10', 'rabbitmq-4.0'] as const)(
    '%s: what a queue gets is handled once or a dead letter',
    async (name) => {
      const { url } = servers[name];
      const { RabbitMQClient, settled, queue } = await open(url);
      await expect(RabbitMQClient.publishToQueue(queue, { n: 0 })).rejects.toMatchObject({
        code: 'BC_PUBLISH_FAILED',
      });
      const handled = createRecorder<unknown>('mails');
      await RabbitMQClient.consumeFromQueue(queue, ({ n }) => {
        if (n === 1) throw new Error('the mail server is away');
        handled.add(n);
      });
      for (const n of [1, 2]) await RabbitMQClient.publishToQueue(queue, { n });
      // A program that never heard of the client sends to the queue itself.
      await withChannel(url, async (channel) => {
        channel.sendToQueue(queue, Buffer.from('{"n":3}'));
        await channel.waitForConfirms();
      });
      await handled.atLeast(2);
      await settled.first((text) => text.includes(`sent to '${queue}_dlq'`));
      expect([...handled.items].sort()).toEqual([2, 3]);
      const [letter] = (await withChannel(url, (channel) => peek(channel, `${queue}_dlq`))).map(toRaw);
      expect(String(letter?.body)).toBe('{"n":1}');
      expect(letter?.headers).toMatchObject({ 'original-topic': queue, 'original-queue': queue });
    },
  );

  test('with Kafka off a topic goes to RabbitMQ, where its consumer waits', async () => {
    const { KafkaClient, queue } = await open(servers['rabbitmq-4.0'].url);
    const handled = createRecorder<unknown>('messages');
    await KafkaClient.consumeFromTopic(`${queue}_topic`, `${queue}-group`, (data) => handled.add(data));
    expect((await KafkaClient.publishToTopic(`${queue}_topic`, 1, 'key')).brokers).toEqual({
      rabbitmq: 'stored',
    });
    expect(await handled.atLeast(1)).toEqual([1]);
  });
});
