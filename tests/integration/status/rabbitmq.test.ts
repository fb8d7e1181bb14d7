import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { readStatus } from '../../../src/index.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { askManagement } from '../../support/servers/rabbitmq-management.js';
import { statusWorld } from './status-world.js';

const VERSIONS = ['rabbitmq-3.10', 'rabbitmq-4.0'] as const;

describeWithServers('the status on RabbitMQ', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('%s', (version) => {
    const { url, managementUrl = '' } = servers[version];
    const env = { RABBITMQ_ENABLED: 'true', RABBITMQ_URL: url };
    let connection: ChannelModel;
    let channel: Channel;
    const undo: (() => Promise<unknown>)[] = [];
    beforeEach(async () => {
      connection = await connect(url);
      channel = await connection.createChannel();
    });
    afterEach(async () => {
      for (const one of undo.splice(0)) await one();
      await connection.close();
    });

    async function world(more: Readonly<Record<string, string>> = {}) {
      const made = await statusWorld({ ...env, ...more });
      const { name, group } = made;
      undo.push(async () => {
        for (const one of [group, `${group}_dlq`, `${group}_retry_1h`]) await channel.deleteQueue(one);
        await channel.deleteExchange(name);
      });
      return made;
    }

    test('counts what is ready, copies and letters exactly, and delivers nothing', async () => {
      const { group, leaveBehind, leg } = await world();
      await leaveBehind(['done', 'retry', 'retry', 'dead', 'dead', 'dead'], 5);
      const seen = {
        broker: 'rabbitmq',
        state: 'live',
        waiting: 5,
        unsettled: null,
        oldestAgeMs: null,
        retries: 2,
        deadLetters: 3,
        readers: 0,
      };
      expect(await leg()).toEqual(seen);
      expect(await leg()).toEqual(seen);
      const message = await channel.get(group, { noAck: false });
      if (message === false) throw new Error('There is no message.');
      expect(message.fields.redelivered).toBe(false);
      expect(message.properties.headers?.['x-delivery-count'] ?? 0).toBe(0);
      channel.nack(message);
    });

    test('what is not there yet is absent, and is not declared', async () => {
      const { name, leg } = await world();
      expect(await leg()).toMatchObject({ state: 'absent', waiting: null, retries: 0, deadLetters: 0 });
      const queues = (await askManagement(managementUrl, '/api/queues/%2F')) as { name: string }[];
      expect(queues.filter((one) => one.name.startsWith(name))).toEqual([]);
    });

    test('counts consumers that are attached, and with the management API what they hold', async () => {
      const { group, leaveBehind, leg } = await world({ RABBITMQ_MANAGEMENT_URL: managementUrl });
      await leaveBehind(['done'], 3);
      await channel.prefetch(2);
      await new Promise<void>((resolve, reject) => {
        let held = 0;
        channel
          .consume(group, () => {
            held += 1;
            if (held === 2) resolve();
          })
          .catch(reject);
      });
      // The server measures every few seconds.
      let seen = await leg();
      while (seen?.unsettled !== 2) seen = await leg();
      expect(seen).toMatchObject({ waiting: 1, readers: 1 });
    });

    test('tells when the management API does not answer, and the rest all the same', async () => {
      const { leaveBehind, leg } = await world({ RABBITMQ_MANAGEMENT_URL: 'http://guest:hush@127.0.0.1:9' });
      await leaveBehind(['done'], 2);
      const seen = await leg();
      expect(seen).toMatchObject({ state: 'live', waiting: 2, unsettled: null });
      expect(seen?.reason).toContain('127.0.0.1:9');
      expect(seen?.reason).not.toContain('hush');
    });
  });
});

describeWithServers('the status with one broker down', { shared: ['rabbitmq-4.0'] }, (servers) => {
  test('tells of the other, and why not of this one, within its time', async () => {
    const { url } = servers['rabbitmq-4.0'];
    const both = {
      KAFKA_ENABLED: 'true',
      KAFKA_BROKERS: '127.0.0.1:9',
      RABBITMQ_ENABLED: 'true',
      RABBITMQ_URL: url,
    };
    const { options } = await statusWorld(both);
    const { consumers } = await readStatus(options, { timeoutMs: 1_500 });
    expect(consumers[0]?.legs).toMatchObject([
      { broker: 'kafka', state: 'unreachable', reason: expect.stringContaining('127.0.0.1:9') },
      { broker: 'rabbitmq', state: 'absent' },
    ]);
  });
});
