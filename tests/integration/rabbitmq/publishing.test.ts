import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { topicByName } from '../../../src/contract/define-topic.js';
import { startProxy } from '../../support/proxy.js';
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

const failed = (status: string, code: string) => ({ status, error: expect.objectContaining({ code }) });

describeWithServers('a publish that RabbitMQ does not take', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('on %s', (version) => {
    let undo: Cleanup;
    let plain: Plain;
    const { url } = servers[version];
    beforeEach(async () => {
      undo = cleanup();
      plain = await openPlain(url, undo);
    });
    afterEach(() => undo.run());

    test('fails when no queue is bound, and the next one through the same exchange does not', async () => {
      const { topic, consumer } = makePlaces(plain, undo);
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [] });
      expect(await broker.publish(topic, message())).toEqual(failed('failed', 'BC_UNROUTABLE'));
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      expect(await broker.publish(topic, message())).toBe(STORED);
    });

    test('counts as stored without a bound queue where the topic accepts that', async () => {
      const { topic } = makePlaces(plain, undo, { topic: { unroutable: 'accept' } });
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [] });
      expect(await broker.publish(topic, message())).toBe(STORED);
    });

    test('fails alone when one of many in flight is returned', async () => {
      const { topic, consumer } = makePlaces(plain, undo, {
        exchange: { routingKey: ({ key }) => key ?? 'bound' },
        consumer: { bindings: ['bound'] },
      });
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const outcomes = await Promise.all(
        Array.from({ length: 300 }, (_, index) =>
          broker.publish(topic, message({ key: index % 3 === 0 ? 'unbound' : 'bound' })),
        ),
      );
      outcomes.forEach((outcome, index) => {
        expect(outcome).toEqual(index % 3 === 0 ? failed('failed', 'BC_UNROUTABLE') : STORED);
      });
    });

    test('fails with the name of an exchange that does not exist, and closes no channel in use', async () => {
      const { topic, consumer } = makePlaces(plain, undo);
      const proxy = await startProxy({ target: Number(new URL(url).port), protocol: 'amqp' });
      undo.add(() => proxy.close());
      const proxied = new URL(url);
      proxied.port = String(proxy.port);
      const broker = await openBroker(proxied.href, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const missing = topicByName(`missing_${randomUUID()}`);
      const outcomes = await Promise.all([
        broker.publish(topic, message()),
        broker.publish(missing, message()),
        broker.publish(topic, message()),
        broker.publish(missing, message()),
      ]);
      expect(outcomes).toEqual([
        STORED,
        failed('failed', 'BC_PLACE_MISSING'),
        STORED,
        failed('failed', 'BC_PLACE_MISSING'),
      ]);
      expect(outcomes[1]).toMatchObject({ error: { message: expect.stringContaining(missing.name) } });
      expect(await broker.publish(topic, message())).toBe(STORED);
      expect(proxy.seen.replies.get('confirm.select-ok')).toBe(1);
    });

    test('fails alone when its exchange was deleted under it; what was in flight beside it arrives', async () => {
      const good = makePlaces(plain, undo);
      const gone = makePlaces(plain, undo);
      const broker = await openBroker(url, undo);
      await broker.port.provision({
        topics: [good.topic, gone.topic],
        consumers: [good.consumer, gone.consumer],
      });
      const { seen, ids } = await attachRecorder(broker, good.consumer);
      expect(await broker.publish(gone.topic, message())).toBe(STORED);
      await (await plain.channel()).deleteExchange(gone.exchange);
      const neighbours = Array.from({ length: 400 }, () => message());
      const sent = neighbours.map((one, index) => {
        const outcome = broker.publish(good.topic, one);
        return index === 200 ? broker.publish(gone.topic, message()).then(() => outcome) : outcome;
      });
      const culprit = broker.publish(gone.topic, message());
      expect(await culprit).toMatchObject({ error: { code: 'BC_PLACE_MISSING' } });
      expect(await Promise.all(sent)).toEqual(neighbours.map(() => STORED));
      await Promise.all(neighbours.map(({ id }) => seen.until(({ message: one }) => one.id === id)));
      expect(new Set(ids()).size).toBe(neighbours.length);
      expect(await broker.publish(good.topic, message())).toBe(STORED);
    });

    test('is uncertain when a full queue refuses it behind an exchange, failed when the queue is named', async () => {
      const { topic, consumer, queue, exchange } = makePlaces(plain, undo, {
        consumer: { existing: true },
      });
      const named = makePlaces(plain, undo, {
        exchange: { exchange: '', routingKey: queue, existing: true },
      });
      const channel = await plain.channel();
      await channel.assertExchange(exchange, 'topic');
      await channel.assertQueue(queue, { arguments: { 'x-max-length': 2, 'x-overflow': 'reject-publish' } });
      await channel.bindQueue(queue, exchange, '#');
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      for (let stored = 0; stored < 2; stored += 1) {
        expect(await broker.publish(topic, message())).toBe(STORED);
      }
      expect(await broker.publish(topic, message())).toEqual(failed('uncertain', 'BC_PUBLISH_REFUSED'));
      expect(await broker.publish(named.topic, message())).toEqual(failed('failed', 'BC_PUBLISH_REFUSED'));
    });

    test('fails with the dead-letter queue as the missing place', async () => {
      const { consumer } = makePlaces(plain, undo);
      const broker = await openBroker(url, undo);
      const outcome = await broker.publish({ deadLetterOf: consumer }, message());
      expect(outcome).toEqual(failed('failed', 'BC_PLACE_MISSING'));
    });

    test('fails alone when it is larger than the server takes', async () => {
      const { topic, consumer } = makePlaces(plain, undo);
      const broker = await openBroker(url, undo, { bounds: { maxBytes: 512 * 1024 * 1024 } });
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const limit = (version === 'rabbitmq-4.0' ? 16 : 128) * 1024 * 1024;
      expect(broker.port.publisher({ kind: 'topic', topic }).maxMessageBytes).toBe(limit);
      const outcomes = await Promise.all([
        broker.publish(topic, message()),
        broker.publish(topic, message({ body: Buffer.alloc(limit + 1) })),
        broker.publish(topic, message({ headers: { big: 'x'.repeat(64 * 1024) } })),
        broker.publish(topic, message()),
      ]);
      const tooLarge = failed('failed', 'BC_MESSAGE_TOO_LARGE');
      expect(outcomes).toEqual([STORED, tooLarge, tooLarge, STORED]);
    });

    test('fails alone when AMQP cannot carry it', async () => {
      const { topic, consumer } = makePlaces(plain, undo, {
        exchange: { routingKey: ({ key }) => key ?? 'short' },
        consumer: { bindings: ['#'] },
      });
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const outcomes = await Promise.all([
        broker.publish(topic, message()),
        broker.publish(topic, message({ key: 'k'.repeat(256) })),
        broker.publish(topic, message({ headers: { ['n'.repeat(256)]: 'long name' } })),
        broker.publish(topic, message()),
      ]);
      const invalid = failed('failed', 'BC_MESSAGE_INVALID');
      expect(outcomes).toEqual([STORED, invalid, invalid, STORED]);
    });
  });
});
