import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../../src/contract/broker.js';
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
  VERSIONS,
} from './harness.js';

describeWithServers('a leg on RabbitMQ', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('%s', (version) => {
    let undo: Cleanup;
    let plain: Plain;
    const { url } = servers[version];
    beforeEach(async () => {
      undo = cleanup();
      plain = await openPlain(url, undo);
    });
    afterEach(() => undo.run());

    const openLeg = async (capacity: number, hold = false) => {
      const { topic, consumer, queue } = makePlaces(plain, undo);
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const held: Delivery[] = [];
      const { leg, seen, ids } = await attachRecorder(broker, consumer, {
        capacity,
        hold: (delivery) => {
          if (hold) held.push(delivery);
          return hold;
        },
      });
      const publish = (count: number) =>
        Promise.all(Array.from({ length: count }, () => broker.publish(topic, message())));
      return { broker, consumer, queue, leg, seen, ids, held, publish };
    };

    test('is handed no more than its capacity, and the new one when that changes', async () => {
      const { leg, seen, held, publish } = await openLeg(4, true);
      await publish(30);
      await seen.until(() => true, 4);
      leg.setCapacity(10);
      await seen.until(() => true, 10);
      leg.setCapacity(6);
      for (const delivery of held.splice(0, 5)) delivery.settle();
      await seen.until(() => true, 11);
      await publish(1);
      expect(seen.all).toHaveLength(11);
      leg.setCapacity(3);
      leg.setCapacity(14);
      await seen.until(() => true, 19);
      await publish(1);
      expect(leg.status()).toMatchObject({ state: 'live', unsettled: 14 });
    });

    test('is handed nothing while paused, and everything after', async () => {
      const { leg, seen, publish, ids, broker, consumer } = await openLeg(50);
      await publish(10);
      await seen.until(() => true, 10);
      leg.pause();
      await publish(100);
      while ((await broker.port.depth(consumer)) === 0) await publish(1);
      expect(leg.status().state).toBe('paused');
      expect(seen.all).toHaveLength(10);
      leg.resume();
      await seen.until(() => true, 110);
      expect(new Set(ids()).size).toBe(ids().length);
    });

    test('that drains is handed everything all the same, and says that it drains', async () => {
      const { topic, consumer } = makePlaces(plain, undo);
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const { leg, seen } = await attachRecorder(broker, consumer, { role: 'draining' });
      expect(leg.status().state).toBe('draining');
      await broker.publish(topic, message({ id: 'one' }));
      await seen.until((one) => one.message.id === 'one');
      leg.pause();
      expect(leg.status().state).toBe('paused');
    });

    test('says how many messages wait, a moment after it was asked', async () => {
      const { leg, publish, broker, consumer } = await openLeg(5, true);
      await publish(25);
      while ((await broker.port.depth(consumer)) !== 20) await new Promise(setImmediate);
      expect(leg.status().waiting).toBeNull();
      while (leg.status().waiting === null) await new Promise(setImmediate);
      expect(leg.status()).toMatchObject({ waiting: 20, unsettled: 5 });
    });

    test('settles while paused what was out before', async () => {
      const { leg, seen, held, publish, broker, consumer } = await openLeg(5, true);
      await publish(5);
      await seen.until(() => true, 5);
      leg.pause();
      for (const delivery of held) delivery.settle();
      expect(leg.status()).toMatchObject({ state: 'paused', unsettled: 0 });
      await leg.drain();
      await leg.detach({ deadlineMs: 2_000 });
      expect(await broker.port.depth(consumer)).toBe(0);
    });

    test('hands nothing over once it is drained, and lets what is out be settled until it is detached', async () => {
      const { leg, seen, held, publish, broker, consumer } = await openLeg(5, true);
      await publish(20);
      await seen.until(() => true, 5);
      await leg.drain();
      expect(leg.status()).toMatchObject({ state: 'draining', unsettled: 5 });
      for (const delivery of held.splice(0, 3)) delivery.settle();
      await leg.detach({ deadlineMs: 2_000 });
      expect(seen.all).toHaveLength(5);
      const depths = async (): Promise<number | null> => broker.port.depth(consumer);
      while ((await depths()) !== 17) await new Promise(setImmediate);
      const again = await attachRecorder(broker, consumer);
      await again.seen.until(() => true, 17);
    });

    test('shares its queue with another leg of another process', async () => {
      const { queue, consumer, seen, publish } = await openLeg(10);
      const second = await attachRecorder(await openBroker(url, undo), consumer, { capacity: 10 });
      await publish(400);
      while (seen.all.length + second.seen.all.length < 400) {
        await Promise.race([
          seen.until(() => true, seen.all.length + 1),
          second.seen.until(() => true, second.seen.all.length + 1),
        ]);
      }
      expect(seen.all.length).toBeGreaterThan(0);
      expect(second.ids().length).toBeGreaterThan(0);
      expect((await (await plain.channel()).checkQueue(queue)).consumerCount).toBe(2);
    });

    test('is left with the broker: what is unsettled goes back to the queue', async () => {
      const { broker, seen, publish, queue } = await openLeg(5, true);
      await publish(5);
      await seen.until(() => true, 5);
      await broker.port.close({ deadlineMs: 2_000 });
      const channel = await plain.channel();
      while ((await channel.checkQueue(queue)).messageCount !== 5) await new Promise(setImmediate);
      expect(broker.port.health().state).toBe('closed');
    });
  });
});

describeWithServers('closing a RabbitMQ adapter', { shared: ['rabbitmq-4.0'] }, (servers) => {
  let undo: Cleanup;
  let plain: Plain;
  const { url } = servers['rabbitmq-4.0'];
  beforeEach(async () => {
    undo = cleanup();
    plain = await openPlain(url, undo);
  });
  afterEach(() => undo.run());

  test('waits for every confirm, then takes nothing', async () => {
    const { topic, consumer } = makePlaces(plain, undo);
    const broker = await openBroker(url, undo);
    await broker.port.provision({ topics: [topic], consumers: [consumer] });
    const outcomes = Promise.all(Array.from({ length: 2_000 }, () => broker.publish(topic, message())));
    await broker.port.close({ deadlineMs: 10_000 });
    expect((await outcomes).every((one) => one.status === 'stored')).toBe(true);
    expect(await broker.publish(topic, message())).toMatchObject({
      status: 'failed',
      error: { code: 'BC_LIFECYCLE' },
    });
    await expect(broker.port.connect(AbortSignal.timeout(1_000))).rejects.toMatchObject({
      code: 'BC_LIFECYCLE',
    });
  });

  test('settles at its deadline what the server never confirmed', async () => {
    const { topic, consumer } = makePlaces(plain, undo);
    const proxy = await startProxy({ target: Number(new URL(url).port), protocol: 'amqp' });
    undo.add(() => proxy.close());
    const proxied = new URL(url);
    proxied.port = String(proxy.port);
    const broker = await openBroker(proxied.href, undo);
    await broker.port.provision({ topics: [topic], consumers: [consumer] });
    const swallowed = proxy.fault({ on: 'reply', frame: 'basic.ack', times: 100, do: 'swallow' });
    const outcome = broker.publish(topic, message());
    await swallowed.happened;
    await broker.port.close({ deadlineMs: 500 });
    expect(await outcome).toMatchObject({ status: 'uncertain', error: { code: 'BC_LIFECYCLE' } });
  });
});
