import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { retryArguments } from '../../../src/adapters/rabbitmq/topology.js';
import type { AnyConsumer } from '../../../src/contract/consumer.js';
import { withoutBrokerHeaders } from '../../../src/messages/broker-headers.js';
import { retryQueueOf } from '../../../src/messages/names.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
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
  VERSIONS,
} from './harness.js';

describeWithServers('a retry queue on RabbitMQ', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('%s', (version) => {
    let undo: Cleanup;
    let plain: Plain;
    const { url } = servers[version];
    beforeEach(async () => {
      undo = cleanup();
      plain = await openPlain(url, undo);
    });
    afterEach(() => undo.run());

    const openTopic = async (options: Parameters<typeof makePlaces>[2] = {}) => {
      const places = makePlaces(plain, undo, options);
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [places.topic], consumers: [places.consumer] });
      return { ...places, broker };
    };

    const retryOf = (consumer: AnyConsumer, delayMs: number) => ({ retryOf: consumer, delayMs });

    test('sends copies to its consumer when their delay is over, never early, none waiting for a longer one', async () => {
      const { broker, consumer } = await openTopic({ deferred: [300, 600] });
      const { seen } = await attachRecorder(broker, consumer);
      const arrivals: Record<string, number> = {};
      const arrived = (id: string) =>
        seen
          .until((one) => one.message.id === id)
          .then(() => {
            arrivals[id] = performance.now();
          });
      const all = ['slow', 'fast', 'now'].map(arrived);
      const sentAt = performance.now();
      expect(await broker.publish(retryOf(consumer, 600), message({ id: 'slow' }))).toBe(STORED);
      expect(await broker.publish(retryOf(consumer, 300), message({ id: 'fast' }))).toBe(STORED);
      expect(await broker.publish(retryOf(consumer, 0), message({ id: 'now' }))).toBe(STORED);
      await Promise.all(all);
      expect(seen.all.map((one) => one.message.id)).toEqual(['now', 'fast', 'slow']);
      expect((arrivals.slow as number) - sentAt).toBeGreaterThanOrEqual(600);
      expect((arrivals.fast as number) - sentAt).toBeGreaterThanOrEqual(300);
    });

    test('brings a copy back with its headers, and what RabbitMQ adds is not published again', async () => {
      const { broker, consumer } = await openTopic({ deferred: [100] });
      const { seen } = await attachRecorder(broker, consumer);
      const copy = message({ headers: { 'bc-attempt': '2', mine: Buffer.from([255]) } });
      await broker.publish(retryOf(consumer, 100), copy);
      const [delivery] = await seen.until(() => true);
      const headers = delivery?.message.headers ?? {};
      expect(headers['x-death']).toMatchObject([{ reason: 'expired' }]);
      expect(withoutBrokerHeaders(headers)).toEqual({ ...copy.headers });
      expect(delivery?.message.body).toEqual(copy.body);
    });

    test('serves a queue that is not ours, of the classic type', async () => {
      const queue = `foreign-${Date.now()}-${Math.random()}`;
      await (await plain.channel()).assertQueue(queue, { durable: true });
      const { broker, consumer } = await openTopic({
        deferred: [100],
        consumer: { queue, existing: true },
      });
      const { seen } = await attachRecorder(broker, consumer);
      expect(await broker.publish(retryOf(consumer, 100), message({ id: 'back' }))).toBe(STORED);
      const [delivery] = await seen.until(() => true);
      expect(delivery?.message).toMatchObject({ id: 'back', position: { queue } });
    });

    test('is declared twice without harm, and refused where one of its name is another', async () => {
      const { broker, topic, consumer } = await openTopic({ deferred: [1_000] });
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const other = makePlaces(plain, undo, { deferred: [1_000] });
      const name = retryQueueOf(other.consumer, 1_000);
      const args = { ...retryArguments(other.consumer, 1_000), 'x-message-ttl': 5 };
      await (await plain.channel()).assertQueue(name, { durable: true, arguments: args });
      await expect(
        broker.port.provision({ topics: [other.topic], consumers: [other.consumer] }),
      ).rejects.toMatchObject({
        code: 'BC_PLACE_CONFLICT',
        message: expect.stringMatching(new RegExp(`"${name}".*'1000'.*'5'`)) as unknown,
      });
    });

    test('whose name is too long is refused before anything is created', async () => {
      const broker = await openBroker(url, undo);
      const queue = `q${'x'.repeat(240)}`;
      const { topic, consumer } = makePlaces(plain, undo, {
        deferred: [1_500],
        consumer: { queue, deadLetterQueue: 'short' },
      });
      const places = { topics: [topic], consumers: [consumer] };
      await expect(broker.port.provision(places)).rejects.toMatchObject({ code: 'BC_NAME_INVALID' });
      expect(broker.told.all.map((one) => one.name)).not.toContain('place-created');
    });

    test('that was deleted is created again, and the copy is not lost meanwhile', async () => {
      const { broker, consumer } = await openTopic({ deferred: [100] });
      const { seen } = await attachRecorder(broker, consumer);
      const name = retryQueueOf(consumer, 100);
      await (await plain.channel()).deleteQueue(name);
      const copy = message();
      const to = retryOf(consumer, 100);
      expect(await broker.publish(to, copy)).toMatchObject({
        status: 'failed',
        error: { code: 'BC_PLACE_MISSING' },
      });
      const isMadeAgain = (one: (typeof broker.told.all)[number]): boolean =>
        one.name === 'place-created' && 'name' in one.event && one.event.name === name;
      await broker.told.until(isMadeAgain, 2);
      expect(await broker.publish(to, copy)).toBe(STORED);
      expect((await seen.until(() => true))[0]?.message.id).toBe(copy.id);
    });
  });
});
