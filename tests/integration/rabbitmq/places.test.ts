import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { defineTopic, topicByName } from '../../../src/contract/define-topic.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { askManagement } from '../../support/servers/rabbitmq-management.js';
import {
  attachRecorder,
  type Cleanup,
  cleanup,
  makePlaces,
  message,
  openBroker,
  openPlain,
  type Plain,
  STORED,
  type Told,
  VERSIONS,
} from './harness.js';

const created = (one: Told): boolean => one.name === 'place-created';

describeWithServers('places on RabbitMQ', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('%s', (version) => {
    let undo: Cleanup;
    let plain: Plain;
    const { url, managementUrl } = servers[version];
    beforeEach(async () => {
      undo = cleanup();
      plain = await openPlain(url, undo);
    });
    afterEach(() => undo.run());

    const queueOnServer = async (queue: string) => {
      if (managementUrl === undefined) throw new Error('this RabbitMQ was named without its management URL');
      return (await askManagement(managementUrl, `/api/queues/%2F/${encodeURIComponent(queue)}`)) as {
        arguments: Record<string, unknown>;
        durable: boolean;
      };
    };

    test('are created once, durable, with a delivery limit and a net that loses nothing', async () => {
      const { topic, consumer, queue, exchange } = makePlaces(plain, undo);
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      expect(broker.told.all.filter(created).map((one) => one.event)).toEqual([
        { broker: 'rabbitmq', kind: 'exchange', name: exchange },
        { broker: 'rabbitmq', kind: 'dead-letter', name: `${queue}_dlq` },
        { broker: 'rabbitmq', kind: 'queue', name: queue },
      ]);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      expect(broker.told.all.filter(created)).toHaveLength(3);
      expect(await queueOnServer(queue)).toMatchObject({
        durable: true,
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': 20,
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': `${queue}_dlq`,
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
        },
      });
      expect(await queueOnServer(`${queue}_dlq`)).toMatchObject({
        durable: true,
        arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000_000 },
      });
    });

    test('that exist are mapped as they are: a classic queue, a foreign exchange, dots in names', async () => {
      const name = `legacy.${randomUUID()}.events`;
      const { topic, consumer, queue, exchange } = makePlaces(plain, undo, {
        exchange: {
          exchange: name,
          type: 'direct',
          existing: true,
          routingKey: ({ data }) => `user.${(data as { kind: string }).kind}`,
        },
        consumer: { queue: `${name}.work queue`, existing: true, deadLetterQueue: `${name}_dead` },
      });
      const channel = await plain.channel();
      await channel.assertExchange(exchange, 'direct', { durable: false });
      await channel.assertQueue(queue, { durable: false, arguments: { 'x-max-priority': 5 } });
      await channel.bindQueue(queue, exchange, 'user.created');
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      expect(broker.told.all.filter(created).map((one) => one.event)).toEqual([
        { broker: 'rabbitmq', kind: 'dead-letter', name: `${name}_dead` },
      ]);
      const { seen } = await attachRecorder(broker, consumer);
      expect(await broker.publish(topic, message({ data: { kind: 'created' } }))).toBe(STORED);
      const other = await broker.publish(topic, message({ data: { kind: 'deleted' } }));
      expect(other).toMatchObject({ status: 'failed', error: { code: 'BC_UNROUTABLE' } });
      const [delivery] = await seen.until(() => true);
      expect(delivery?.message.position).toEqual({
        broker: 'rabbitmq',
        queue,
        exchange,
        routingKey: 'user.created',
      });
      expect(await broker.publish({ deadLetterOf: consumer }, message())).toBe(STORED);
    });

    test('of another kind are refused in the words of the server, and the next provision works', async () => {
      const taken = makePlaces(plain, undo);
      const free = makePlaces(plain, undo);
      const channel = await plain.channel();
      await channel.assertExchange(taken.exchange, 'fanout');
      const broker = await openBroker(url, undo);
      const conflict = broker.port.provision({ topics: [taken.topic], consumers: [] });
      await expect(conflict).rejects.toMatchObject({
        code: 'BC_PLACE_CONFLICT',
        message: expect.stringMatching(/inequivalent arg 'type'.*'topic'.*'fanout'/s),
      });
      await channel.assertQueue(free.queue);
      const other = broker.port.provision({ topics: [free.topic], consumers: [free.consumer] });
      await expect(other).rejects.toMatchObject({
        code: 'BC_PLACE_CONFLICT',
        message: expect.stringContaining('inequivalent arg'),
      });
      await channel.deleteQueue(free.queue);
      await broker.port.provision({ topics: [free.topic], consumers: [free.consumer] });
    });

    test('that should exist and do not are named', async () => {
      const broker = await openBroker(url, undo);
      const exchange = `gone_${randomUUID()}`;
      const topic = defineTopic({ name: 'mapped_topic', rabbitmq: { exchange, existing: true } });
      await expect(broker.port.provision({ topics: [topic], consumers: [] })).rejects.toMatchObject({
        code: 'BC_PLACE_MISSING',
        message: expect.stringContaining(exchange),
      });
      const { consumer, queue, topic: declared } = makePlaces(plain, undo, { consumer: { existing: true } });
      await expect(
        broker.port.provision({ topics: [declared], consumers: [consumer] }),
      ).rejects.toMatchObject({ code: 'BC_PLACE_MISSING', message: expect.stringContaining(queue) });
      await expect(attachRecorder(broker, consumer)).rejects.toMatchObject({ code: 'BC_PLACE_MISSING' });
      await expect(
        broker.port.provision({ topics: [topicByName(exchange)], consumers: [] }),
      ).rejects.toMatchObject({ code: 'BC_PLACE_MISSING' });
    });

    test('with illegal names are refused before anything is created', async () => {
      const broker = await openBroker(url, undo);
      const good = makePlaces(plain, undo);
      for (const exchange of ['amq.mine', 'a b', '', 'x'.repeat(250)]) {
        const bad = defineTopic({ name: 'bad_topic', rabbitmq: { exchange } });
        await expect(
          broker.port.provision({ topics: [good.topic, bad], consumers: [good.consumer] }),
        ).rejects.toMatchObject({ code: 'BC_NAME_INVALID' });
      }
      expect(broker.told.all.filter(created)).toEqual([]);
    });

    test.each([
      ['direct', { routingKey: 'one.key' }, {}],
      ['topic', { routingKey: ({ key }: { key: string | null }) => `any.${key}` }, {}],
      ['fanout', {}, {}],
      ['headers', {}, {}],
      ['headers', {}, { bindings: [{ 'x-match': 'all', 'content-type': 'application/json' }] }],
    ] as const)('bind a queue to a %s exchange', async (type, exchange, consumer) => {
      const places = makePlaces(plain, undo, { exchange: { type, ...exchange }, consumer });
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [places.topic], consumers: [places.consumer] });
      expect(await broker.publish(places.topic, message({ key: 'k' }))).toBe(STORED);
      expect(await broker.port.depth(places.consumer)).not.toBeNull();
      const { seen } = await attachRecorder(broker, places.consumer);
      await seen.until(() => true);
    });
  });
});
