import { describe, expect, it } from '@jest/globals';
import {
  attach,
  consumerOf,
  logWorld,
  publishing,
  queueWorld,
  settleMicrotasks,
  topicOf,
} from './harness.js';

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`);

describe.each([
  ['log', logWorld],
  ['queue', queueWorld],
] as const)('legs on the embedded %s', (product, createWorld) => {
  async function ready() {
    const world = createWorld();
    const { broker, told } = await world.client();
    await broker.provision({ topics: [topicOf()], consumers: [consumerOf()] });
    const { send } = publishing(broker);
    const publish = async (ids: readonly string[]): Promise<void> => {
      for (const id of ids) send(id, { key: 'one-key' });
      await settleMicrotasks();
    };
    return { ...world, broker, told, publish };
  }

  it('delivers what was published before the consumer first came', async () => {
    const { broker, publish } = await ready();
    await publish(numbered(5));
    const { ids } = await attach(broker);
    await settleMicrotasks();
    expect(ids()).toEqual(numbered(5));
  });

  it('hands over no more than its capacity, in order, and more as deliveries are settled', async () => {
    const { broker, publish } = await ready();
    const { deliveries, ids, leg } = await attach(broker, { capacity: 3 });
    await publish(numbered(10));
    expect(ids()).toEqual(numbered(3));
    expect(leg.status()).toMatchObject({ state: 'live', unsettled: 3, waiting: 7 });
    deliveries[1]?.settle();
    deliveries[1]?.settle();
    await settleMicrotasks();
    expect(ids()).toEqual(numbered(4));
    leg.setCapacity(5);
    await settleMicrotasks();
    expect(ids()).toEqual(numbered(6));
    leg.setCapacity(1);
    for (const delivery of deliveries.slice(0, 6)) delivery.settle();
    await settleMicrotasks();
    expect(ids()).toEqual(numbered(7));
  });

  it('stops handing over when paused, lets deliveries be settled, and goes on when resumed', async () => {
    const { broker, publish } = await ready();
    const { deliveries, ids, leg } = await attach(broker, { capacity: 2 });
    await publish(numbered(4));
    leg.pause();
    for (const delivery of deliveries) delivery.settle();
    await settleMicrotasks();
    expect(ids()).toEqual(numbered(2));
    expect(leg.status()).toMatchObject({ state: 'paused', unsettled: 0 });
    leg.resume();
    await settleMicrotasks();
    expect(ids()).toEqual(numbered(4));
  });

  it('delivers nothing after drain resolved, but what is out can be settled until it is detached', async () => {
    const { broker, publish } = await ready();
    const { deliveries, ids, leg } = await attach(broker, { capacity: 2 });
    await publish(numbered(4));
    await leg.drain();
    expect(leg.status().state).toBe('draining');
    deliveries[0]?.settle();
    deliveries[1]?.settle();
    await publish(['late']);
    expect(ids()).toEqual(numbered(2));
    await leg.detach({ deadlineMs: 1_000 });
    expect(leg.status().state).toBe('stopped');
    const next = await attach(broker);
    await settleMicrotasks();
    expect(next.ids()).toEqual(['m2', 'm3', 'late']);
  });

  it('gives back what is unsettled when it is detached; settling it then has no effect', async () => {
    const { broker, publish } = await ready();
    const first = await attach(broker);
    await publish(numbered(3));
    first.deliveries[0]?.settle();
    await first.leg.detach({ deadlineMs: 1_000 });
    expect(first.deliveries[1]?.source.isLost).toBe(true);
    first.settleAll();
    const second = await attach(broker);
    await settleMicrotasks();
    expect(second.ids()).toEqual(['m1', 'm2']);
    expect(second.deliveries[0]?.message.isRedelivered).toBe(product === 'queue');
  });

  it('voids its deliveries when the connection is lost, and gets them again when it is back', async () => {
    const { broker, publish, store, clock } = await ready();
    const consumer = await attach(broker);
    await publish(numbered(3));
    consumer.deliveries[0]?.settle();
    store.faults.dropConnections();
    expect(consumer.leg.status()).toMatchObject({ state: 'recovering', unsettled: 0 });
    expect(consumer.deliveries.every((one) => one.source.isLost)).toBe(true);
    consumer.settleAll();
    await clock.advance(100);
    expect(consumer.leg.status()).toMatchObject({ state: 'live', unsettled: 2 });
    expect(consumer.ids()).toEqual(['m0', 'm1', 'm2', 'm1', 'm2']);
  });

  it('attaches as soon as the broker is back when it is away at the time', async () => {
    const { broker, publish, store, clock } = await ready();
    await publish(['m0']);
    store.faults.goDown();
    const attaching = attach(broker);
    await clock.advance(10_000);
    store.faults.comeUp();
    await clock.advance(5_000);
    const { ids, leg } = await attaching;
    await settleMicrotasks();
    expect(leg.status().state).toBe('live');
    expect(ids()).toEqual(['m0']);
  });

  it('rejects attaching where there is no place, and after close', async () => {
    const { broker } = await ready();
    const elsewhere = consumerOf({ topic: topicOf({ name: 'elsewhere' }), group: 'elsewhere-group' });
    await expect(attach(broker, { consumer: elsewhere })).rejects.toMatchObject({ code: 'BC_PLACE_MISSING' });
    await broker.close({ deadlineMs: 1_000 });
    await expect(attach(broker)).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
  });

  it('rejects an attach that waits for the broker when it is closed', async () => {
    const { broker, store } = await ready();
    store.faults.goDown();
    const rejected = expect(attach(broker)).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
    await settleMicrotasks();
    await broker.close({ deadlineMs: 1_000 });
    await rejected;
  });

  it('says that it failed when its place is deleted, and goes on when the place is back', async () => {
    const { broker, publish, store, clock } = await ready();
    const { leg, ids } = await attach(broker);
    await publish(['m0']);
    if ('deleteTopic' in store) store.deleteTopic('orders');
    else store.deleteQueue('billing-group');
    expect(leg.status()).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/no (topic|queue)/),
    });
    expect(store.bytes).toBe(0);
    await broker.provision({ topics: [topicOf()], consumers: [consumerOf()] });
    await clock.advance(1_000);
    expect(leg.status().state).toBe('live');
    await publish(['m1']);
    expect(ids()).toEqual(['m0', 'm1']);
  });

  it('detaches its legs when the broker is closed', async () => {
    const { broker, client, publish } = await ready();
    const first = await attach(broker);
    await publish(numbered(2));
    await broker.close({ deadlineMs: 1_000 });
    expect(first.leg.status().state).toBe('stopped');
    const { broker: other } = await client();
    const second = await attach(other);
    await settleMicrotasks();
    expect(second.ids()).toEqual(numbered(2));
  });

  it('shares the messages among instances, and gives every group all of them', async () => {
    const { broker, client } = await ready();
    const others = consumerOf({ name: 'audit', group: 'audit-group' });
    await broker.provision({ topics: [], consumers: [others] });
    const { broker: second } = await client();
    const one = await attach(broker);
    const two = await attach(second);
    const three = await attach(second, { consumer: others });
    const { send } = publishing(broker);
    const ids = numbered(200);
    for (const id of ids) send(id, { key: id });
    await settleMicrotasks();
    expect([...one.ids(), ...two.ids()].sort()).toEqual([...ids].sort());
    expect(Math.min(one.ids().length, two.ids().length)).toBeGreaterThan(50);
    expect([...three.ids()].sort()).toEqual([...ids].sort());
  });
});
