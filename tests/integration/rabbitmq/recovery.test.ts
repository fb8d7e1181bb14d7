import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../../src/contract/broker.js';
import { type FaultProxy, startProxy } from '../../support/proxy.js';
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
  type TestBroker,
  type Told,
  VERSIONS,
} from './harness.js';

const isTold =
  (name: Told['name']) =>
  (one: Told): boolean =>
    one.name === name;

async function publishUntilStored(
  broker: TestBroker,
  ...what: Parameters<TestBroker['publish']>
): Promise<void> {
  while ((await broker.publish(...what)) !== STORED);
}

describeWithServers('a connection to RabbitMQ that is lost', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('on %s', (version) => {
    let undo: Cleanup;
    let plain: Plain;
    let proxy: FaultProxy;
    let proxied: string;
    const { url } = servers[version];

    beforeEach(async () => {
      undo = cleanup();
      plain = await openPlain(url, undo);
      proxy = await startProxy({ target: Number(new URL(url).port), protocol: 'amqp' });
      undo.add(() => proxy.close());
      const address = new URL(url);
      address.port = String(proxy.port);
      proxied = address.href;
    });
    afterEach(() => undo.run());

    const openWith = async (places: ReturnType<typeof makePlaces>, requestTimeoutMs = 5_000) => {
      const broker = await openBroker(proxied, undo, { settings: { requestTimeoutMs } });
      await broker.port.provision({ topics: [places.topic], consumers: [places.consumer] });
      return broker;
    };

    const publishMany = (broker: TestBroker, { topic }: ReturnType<typeof makePlaces>, count: number) => {
      const sent = Array.from({ length: count }, () => message());
      const outcomes = Promise.all(sent.map((one) => broker.publish(topic, one)));
      return { ids: new Set(sent.map((one) => one.id)), outcomes };
    };

    test('loses nothing under load: all stored, all delivered, by id', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openWith(places);
      const { seen, ids } = await attachRecorder(broker, places.consumer);
      const sent: string[] = [];
      const outcomes: Promise<unknown>[] = [];
      for (let round = 1; round <= 3; round += 1) {
        const { ids: these, outcomes: these2 } = publishMany(broker, places, 3_000);
        sent.push(...these);
        outcomes.push(these2);
        await seen.until(() => true, seen.all.length + 500);
        proxy.reset();
        await broker.told.until(isTold('broker-recovered'), round * 2);
      }
      for (const outcome of await Promise.all(outcomes)) {
        expect((outcome as unknown[]).every((one) => one === STORED)).toBe(true);
      }
      const last = message();
      expect(await broker.publish(places.topic, last)).toBe(STORED);
      const missing = (): string[] => sent.filter((id) => !received.has(id));
      const received = new Set(ids());
      while (missing().length > 0) {
        await seen.until(() => true, seen.all.length + 1);
        for (const id of ids()) received.add(id);
      }
      expect(proxy.seen.resets).toBeGreaterThanOrEqual(6);
      expect(broker.port.health()).toMatchObject({ state: 'up' });
    });

    test('keeps messages in order through a reset', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openWith(places);
      const { seen, ids } = await attachRecorder(broker, places.consumer);
      proxy.fault({ on: 'request', frame: 'basic.publish', after: 700, do: 'reset' });
      const { ids: sent, outcomes } = publishMany(broker, places, 2_000);
      expect((await outcomes).every((one) => one === STORED)).toBe(true);
      const order = [...sent];
      await seen.until(({ message: one }) => one.id === order.at(-1));
      const firstSeen = [...new Set(ids())].filter((id) => sent.has(id));
      expect(firstSeen).toEqual(order);
    });

    test('is noticed when confirms are swallowed, and what was sent is sent again with its id', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openWith(places, 800);
      const { seen } = await attachRecorder(broker, places.consumer);
      const swallowed = proxy.fault({ on: 'reply', frame: 'basic.ack', do: 'swallow' });
      const one = message();
      expect(await broker.publish(places.topic, one)).toBe(STORED);
      expect(swallowed.hits).toBe(1);
      const twice = await seen.until(({ message: seenOne }) => seenOne.id === one.id, 2);
      expect(twice).toHaveLength(2);
    });

    test('is noticed when the network swallows everything', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openWith(places, 800);
      const { seen } = await attachRecorder(broker, places.consumer);
      proxy.blackHole();
      const { ids, outcomes } = publishMany(broker, places, 100);
      await broker.told.until(isTold('broker-lost'));
      expect(broker.port.health().state).not.toBe('up');
      proxy.reset();
      await proxy.heal();
      expect((await outcomes).every((one) => one === STORED)).toBe(true);
      await Promise.all([...ids].map((id) => seen.until(({ message: one }) => one.id === id)));
    });

    test('makes a deadline that passes meanwhile uncertain for what had left, failed for what had not', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openBroker(proxied, undo, { publishTimeoutMs: 700 });
      await broker.port.provision({ topics: [places.topic], consumers: [places.consumer] });
      proxy.blackHole();
      const sent = broker.publish(places.topic, message());
      expect(await sent).toMatchObject({ status: 'uncertain', error: { code: 'BC_PUBLISH_TIMEOUT' } });
      proxy.reset();
      await proxy.refuse();
      await broker.told.until(isTold('broker-lost'));
      const waiting = broker.publish(places.topic, message());
      expect(await waiting).toMatchObject({ status: 'failed', error: { code: 'BC_PUBLISH_TIMEOUT' } });
    });

    test('bounds what waits for it, and takes messages again afterwards', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openBroker(proxied, undo, { bounds: { maxInFlight: 10, maxWaiting: 20 } });
      await broker.port.provision({ topics: [places.topic], consumers: [places.consumer] });
      await proxy.refuse();
      proxy.reset();
      await broker.told.until(isTold('broker-lost'));
      const outcomes = Array.from({ length: 30 }, () => broker.publish(places.topic, message()));
      const refused = await Promise.all(outcomes.slice(20));
      for (const one of refused) {
        expect(one).toMatchObject({ status: 'failed', error: { code: 'BC_PUBLISH_OVERFLOW' } });
      }
      await proxy.heal();
      expect(await Promise.all(outcomes.slice(0, 20))).toEqual(new Array(20).fill(STORED));
    });

    test('is waited for by a leg that is attached meanwhile', async () => {
      const places = makePlaces(plain, undo);
      const other = makePlaces(plain, undo);
      const broker = await openWith(places);
      await broker.port.provision({ topics: [other.topic], consumers: [other.consumer] });
      await attachRecorder(broker, places.consumer);
      await proxy.refuse();
      proxy.reset();
      await broker.told.until(isTold('broker-lost'), 2);
      const attaching = attachRecorder(broker, other.consumer);
      await proxy.heal();
      const { seen, leg } = await attaching;
      expect(leg.status().state).toBe('live');
      await publishMany(broker, other, 5).outcomes;
      await seen.until(() => true, 5);
    });

    test('voids its deliveries: they come again, and settling the old ones is harmless', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openWith(places);
      const { seen, leg } = await attachRecorder(broker, places.consumer, {
        hold: (delivery) => !delivery.message.isRedelivered,
      });
      await publishMany(broker, places, 10).outcomes;
      const first = await seen.until(() => true, 10);
      expect(leg.status()).toMatchObject({ state: 'live', unsettled: 10 });
      proxy.reset();
      await seen.until((delivery) => delivery.message.isRedelivered, 10);
      expect(first.every((delivery) => delivery.source.isLost)).toBe(true);
      for (const delivery of first) delivery.settle();
      await publishMany(broker, places, 1).outcomes;
      await leg.detach({ deadlineMs: 2_000 });
      expect(broker.told.all.filter(isTold('consumer-failed'))).toEqual([]);
    });

    test('is followed by binding the queue again: a server may come back without its bindings', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openWith(places);
      const { seen } = await attachRecorder(broker, places.consumer);
      await publishMany(broker, places, 1).outcomes;
      await (await plain.channel()).unbindQueue(places.queue, places.exchange, places.topic.name);
      proxy.reset();
      await broker.told.until(isTold('broker-recovered'), 2);
      const one = message();
      expect(await broker.publish(places.topic, one)).toBe(STORED);
      await seen.until(({ message: seenOne }) => seenOne.id === one.id);
    });

    test('is followed by creating everything again where the server came back empty', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openWith(places);
      const { seen } = await attachRecorder(broker, places.consumer);
      await proxy.refuse();
      proxy.reset();
      await broker.told.until(isTold('broker-lost'), 2);
      const channel = await plain.channel();
      await channel.deleteQueue(places.queue);
      await channel.deleteQueue(`${places.queue}_dlq`);
      await channel.deleteExchange(places.exchange);
      const created = broker.told.all.filter(isTold('place-created')).length;
      await proxy.heal();
      await broker.told.until(isTold('place-created'), 2 * created);
      const one = message();
      await publishUntilStored(broker, places.topic, one);
      await seen.until(({ message: seenOne }) => seenOne.id === one.id);
    });

    test('lets an exchange be without a queue for a moment, in order, and says so when it stays that way', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openWith(places);
      await publishMany(broker, places, 1).outcomes;
      const channel = await plain.channel();
      await channel.unbindQueue(places.queue, places.exchange, places.topic.name);
      proxy.reset();
      const returned = proxy.fault({ on: 'reply', frame: 'basic.return', do: 'delay', delayMs: 0 });
      const { ids, outcomes } = publishMany(broker, places, 20);
      await returned.happened;
      await channel.bindQueue(places.queue, places.exchange, places.topic.name);
      expect(await outcomes).toEqual(new Array(20).fill(STORED));
      await channel.unbindQueue(places.queue, places.exchange, places.topic.name);
      expect(await broker.publish(places.topic, message())).toMatchObject({
        error: { code: 'BC_UNROUTABLE' },
      });
      const { seen } = await attachRecorder(broker, places.consumer);
      await seen.until(() => true, 21);
      expect(seen.all.slice(1).map((delivery) => delivery.message.id)).toEqual([...ids]);
    });

    test('is followed by one delivery at a time until as many were settled as had been out', async () => {
      const places = makePlaces(plain, undo);
      const broker = await openWith(places);
      const held: Delivery[] = [];
      const { seen, leg } = await attachRecorder(broker, places.consumer, {
        capacity: 5,
        hold: (delivery) => {
          held.push(delivery);
          return true;
        },
      });
      await publishMany(broker, places, 20).outcomes;
      await seen.until(() => true, 5);
      held.length = 0;
      proxy.reset();
      for (let settled = 0; settled < 5; settled += 1) {
        await seen.until(() => true, 6 + settled);
        expect(leg.status().unsettled).toBe(1);
        held.shift()?.settle();
      }
      await seen.until(() => true, 5 + 5 + 5);
      expect(leg.status().unsettled).toBe(5);
    });
  });
});

describeWithServers('a queue that vanishes under its consumer', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('on %s', (version) => {
    let undo: Cleanup;
    let plain: Plain;
    const { url } = servers[version];
    beforeEach(async () => {
      undo = cleanup();
      plain = await openPlain(url, undo);
    });
    afterEach(() => undo.run());

    test('is declared again when it is ours, and consumed from', async () => {
      const { topic, consumer, queue } = makePlaces(plain, undo);
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const { seen } = await attachRecorder(broker, consumer);
      await (await plain.channel()).deleteQueue(queue);
      const one = message();
      await publishUntilStored(broker, topic, one);
      await seen.until(({ message: seenOne }) => seenOne.id === one.id);
    });

    test('is told when it is not ours, and consumed from when it is back', async () => {
      const { topic, consumer, queue } = makePlaces(plain, undo, {
        topic: { unroutable: 'accept' },
        consumer: { existing: true },
      });
      const channel = await plain.channel();
      await channel.assertQueue(queue);
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const { seen, leg } = await attachRecorder(broker, consumer);
      await channel.deleteQueue(queue);
      const [told] = await broker.told.until(isTold('consumer-failed'));
      expect(told?.event).toMatchObject({ consumer: consumer.name, error: { code: 'BC_PLACE_MISSING' } });
      expect(leg.status().state).toBe('failed');
      await channel.assertQueue(queue);
      channel.sendToQueue(queue, Buffer.from('{}'), { messageId: 'after' });
      await seen.until(({ message: one }) => one.id === 'after');
      expect(leg.status().state).toBe('live');
    });
  });
});
