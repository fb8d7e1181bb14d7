import { describe, expect, it } from '@jest/globals';
import { partitionOfKey } from '../../../../src/messages/murmur2.js';
import { attach, consumerOf, logWorld, publishing, settleMicrotasks, topicOf } from './harness.js';

async function ready(topic = topicOf(), storeOptions: { maxBytes?: number } = {}) {
  const world = logWorld(storeOptions);
  const { broker, told } = await world.client();
  const consumer = consumerOf({ topic });
  await broker.provision({ topics: [topic], consumers: [consumer] });
  return { ...world, broker, told, topic, consumer, ...publishing(broker, topic) };
}

const onePartition = topicOf({ kafka: { partitions: 1 } });

describe('the embedded log', () => {
  it('stores a key in the partition that Kafka would, and messages without one in turn', async () => {
    const { send, store } = await ready();
    const keys = ['user-1', 'user-2', 'köln', ''];
    for (const key of keys) send(key, { key });
    for (let index = 0; index < 24; index += 1) send(`keyless-${index}`);
    await settleMicrotasks();
    const counts = new Map<number, number>();
    for (const { id, key, position } of store.read('orders')) {
      if (position.broker !== 'kafka') throw new Error('not a position in a log');
      if (key !== null) expect([id, position.partition]).toEqual([key, partitionOfKey(key, 12)]);
      else counts.set(position.partition, (counts.get(position.partition) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual(Array(12).fill(2));
  });

  it('names topic, partition and offset of a message', async () => {
    const { send, store } = await ready(onePartition);
    send('a');
    send('b');
    await settleMicrotasks();
    expect(store.read('orders').map((one) => one.position)).toEqual([
      { broker: 'kafka', topic: 'orders', partition: 0, offset: '0' },
      { broker: 'kafka', topic: 'orders', partition: 0, offset: '1' },
    ]);
  });

  it('commits contiguously: never past a delivery that is not settled', async () => {
    const { send, store, broker } = await ready(onePartition);
    const { deliveries } = await attach(broker);
    for (const id of ['a', 'b', 'c', 'd']) send(id);
    await settleMicrotasks();
    expect(store.committed('billing-group', 'orders')).toEqual([0]);
    deliveries[1]?.settle();
    deliveries[2]?.settle();
    expect(store.committed('billing-group', 'orders')).toEqual([0]);
    deliveries[0]?.settle();
    expect(store.committed('billing-group', 'orders')).toEqual([3]);
    expect(store.lag('billing-group', 'orders')).toBe(1);
  });

  it('starts a new group at the earliest message, or at the latest where that is said, when it is provisioned', async () => {
    const { send, store, broker, topic } = await ready(onePartition);
    send('old');
    await settleMicrotasks();
    const early = consumerOf({ name: 'early', group: 'early-group', topic });
    const late = consumerOf({ name: 'late', group: 'late-group', topic, kafka: { startFrom: 'latest' } });
    await broker.provision({ topics: [], consumers: [early, late] });
    expect(store.committed('early-group', 'orders')).toEqual([0]);
    expect(store.committed('late-group', 'orders')).toEqual([1]);
    send('new');
    await settleMicrotasks();
    const attached = [await attach(broker, { consumer: early }), await attach(broker, { consumer: late })];
    await settleMicrotasks();
    expect(attached.map((one) => one.ids())).toEqual([['old', 'new'], ['new']]);
    await broker.provision({ topics: [], consumers: [late] });
    expect(store.committed('late-group', 'orders')).toEqual([1]);
  });

  it('voids what is out at every rebalance and raises the generation; the new owner gets it again', async () => {
    const { send, store, broker, client } = await ready(onePartition);
    const first = await attach(broker);
    for (const id of ['a', 'b', 'c']) send(id);
    await settleMicrotasks();
    first.deliveries[0]?.settle();
    const before = store.group('billing-group').generation;
    const { broker: other } = await client();
    const second = await attach(other);
    await settleMicrotasks();
    expect(store.group('billing-group').generation).toBe(before + 1);
    expect(first.deliveries.slice(0, 3).map((one) => one.source.isLost)).toEqual([true, true, true]);
    first.deliveries[1]?.settle();
    expect(store.committed('billing-group', 'orders')).toEqual([1]);
    await first.leg.detach({ deadlineMs: 1_000 });
    await settleMicrotasks();
    expect([...first.ids(), ...second.ids()].filter((id) => id === 'b').length).toBeGreaterThan(1);
    second.settleAll();
    expect(store.committed('billing-group', 'orders')).toEqual([3]);
  });

  it('gives the partitions of a topic only to members that read it', async () => {
    const { broker, client, store } = await ready(onePartition);
    const refunds = topicOf({ name: 'refunds', kafka: { partitions: 4 } });
    const refunding = consumerOf({ name: 'refunding', topic: refunds });
    await broker.provision({ topics: [refunds], consumers: [refunding] });
    const orders = await attach(broker);
    const { broker: other } = await client();
    const refund = await attach(other, { consumer: refunding });
    for (let index = 0; index < 8; index += 1) store.write('refunds', { body: Buffer.from(`r${index}`) });
    store.write('orders', { body: Buffer.from('o') });
    await settleMicrotasks();
    expect(refund.deliveries.map((one) => one.message.body?.toString()).sort()).toEqual(
      Array.from({ length: 8 }, (_, index) => `r${index}`),
    );
    expect(orders.deliveries.map((one) => one.message.body?.toString())).toEqual(['o']);
  });

  it('reads all partitions in turn, so that a long one starves no other', async () => {
    const { broker, store } = await ready();
    for (let index = 0; index < 500; index += 1)
      store.write('orders', { key: 'hot', body: Buffer.from('h') });
    const cold = ['a', 'b', 'c', 'd'].find((key) => partitionOfKey(key, 12) !== partitionOfKey('hot', 12));
    store.write('orders', { key: cold as string, body: Buffer.from('c') });
    const { deliveries } = await attach(broker, { capacity: 100 });
    await settleMicrotasks();
    expect(deliveries.map((one) => one.message.body?.toString())).toContain('c');
  });

  it('takes messages of foreign producers as they are', async () => {
    const { broker, store } = await ready(onePartition);
    const { deliveries } = await attach(broker);
    store.write('orders', { key: 'k', body: Buffer.from('plain'), headers: JSON.parse('{"__proto__":"x"}') });
    await settleMicrotasks();
    const message = deliveries[0]?.message;
    expect(message).toMatchObject({ id: null, key: 'k', contentType: null, timestampMs: 1_700_000_000_000 });
    expect(Object.getPrototypeOf(message?.headers)).toBeNull();
    expect(Object.entries(message?.headers ?? {})).toEqual([['__proto__', 'x']]);
    expect(() => store.write('nowhere', { body: null })).toThrow(
      expect.objectContaining({ code: 'BC_PLACE_MISSING' }),
    );
  });

  it.each([
    ['age', { maxAgeMs: 1_000 }, ['m4', 'm5']],
    ['count', { maxMessages: 2 }, ['m4', 'm5']],
    ['bytes', { maxBytes: 1_200 }, ['m4', 'm5']],
  ])('deletes by %s what retention does not keep, read or not', async (_, retention, kept) => {
    const { clock, store } = logWorld();
    store.createTopic({ name: 'short', partitions: 1, retention });
    for (let index = 0; index < 6; index += 1) {
      store.write('short', { body: Buffer.from(`m${index}`.padEnd(300)) });
      await clock.advance(400);
    }
    const bodies = store.read('short').map((one) => one.body?.toString().trim());
    expect(bodies).toEqual(kept);
    expect(store.bytes).toBe(kept.length * (300 + 256));
  });

  it('goes on with the oldest record that is left when retention overtook a reader', async () => {
    const topic = topicOf({ kafka: { partitions: 1, config: { 'retention.ms': '1000' } } });
    const { broker, store, clock } = await ready(topic);
    store.write('orders', { body: Buffer.from('old') });
    await clock.advance(2_000);
    store.write('orders', { body: Buffer.from('new') });
    const { deliveries } = await attach(broker);
    await settleMicrotasks();
    expect(deliveries.map((one) => one.message.body?.toString())).toEqual(['new']);
    deliveries[0]?.settle();
    expect(store.committed('billing-group', 'orders')).toEqual([2]);
  });

  it('forgets what every group has read when its memory is full, and refuses publishes when that is not enough', async () => {
    const { send, settled, broker, store } = await ready(onePartition, { maxBytes: 20_000 });
    const { deliveries } = await attach(broker);
    for (let index = 0; index < 30; index += 1) send(`m${index}`, { body: Buffer.alloc(500) });
    await settleMicrotasks();
    const stored = settled.filter((one) => one.endsWith(':stored')).length;
    expect(stored).toBeLessThan(30);
    expect(store.read('orders')).toHaveLength(stored);
    expect(settled.slice(stored).every((one) => one.endsWith(':failed'))).toBe(true);
    expect(store.bytes).toBeLessThanOrEqual(20_000);
    for (const delivery of deliveries.splice(0)) delivery.settle();
    for (let index = 0; index < 500; index += 1) {
      send(`n${index}`, { body: Buffer.alloc(500) });
      await settleMicrotasks();
      for (const delivery of deliveries.splice(0)) delivery.settle();
    }
    expect(settled.slice(30).every((one) => one.endsWith(':stored'))).toBe(true);
    expect(store.bytes).toBeLessThanOrEqual(20_000);
  });

  it('keeps dead letters when its memory is full, whether or not anyone has read them', async () => {
    const { broker, store, consumer } = await ready(onePartition, { maxBytes: 20_000 });
    store.write('orders_dlt', { body: Buffer.from('precious') });
    await broker.provision({ topics: [], consumers: [consumer] });
    store.createTopic({ name: 'noise', partitions: 1 });
    for (let index = 0; index < 200; index += 1) store.write('noise', { body: Buffer.alloc(500) });
    expect(store.read('orders_dlt')).toHaveLength(1);
    expect(store.read('noise').length).toBeLessThan(200);
  });

  it('checks what exists and creates the rest once', async () => {
    const { broker, told, topic, consumer, store } = await ready();
    await broker.provision({ topics: [topic], consumers: [consumer] });
    const created = told.flatMap((one) =>
      one.name === 'place-created' ? [`${one.event.kind} ${one.event.name}`] : [],
    );
    expect(created).toEqual(['topic orders', 'dead-letter orders_dlt', 'topic billing-group_retry_0s']);
    const mapped = topicOf({ name: 'mapped', kafka: { topic: 'legacy.orders', existing: true } });
    await expect(broker.provision({ topics: [mapped], consumers: [] })).rejects.toMatchObject({
      code: 'BC_PLACE_MISSING',
      message: expect.stringContaining('legacy.orders'),
    });
    store.createTopic({ name: 'legacy.orders', partitions: 3 });
    await broker.provision({ topics: [mapped], consumers: [] });
    expect(store.topic('legacy.orders')?.partitions).toHaveLength(3);
  });

  it('refuses names that Kafka refuses, twins included', async () => {
    const { broker } = await ready();
    const provision = (name: string) => broker.provision({ topics: [topicOf({ name })], consumers: [] });
    await expect(provision('no spaces')).rejects.toMatchObject({ code: 'BC_NAME_INVALID' });
    await provision('a.b');
    await expect(provision('a_b')).rejects.toMatchObject({ code: 'BC_NAME_INVALID' });
  });

  it('tells how far a consumer is behind, and nothing of a topic that is not there', async () => {
    const { send, broker, consumer } = await ready();
    for (let index = 0; index < 5; index += 1) send(`m${index}`);
    await settleMicrotasks();
    expect(await broker.depth(consumer)).toBe(5);
    expect(await broker.depth(consumerOf({ topic: topicOf({ name: 'nowhere' }) }))).toBeNull();
  });

  it('resets what a group committed only while nobody reads', async () => {
    const { send, broker, store } = await ready(onePartition);
    const first = await attach(broker);
    send('a');
    await settleMicrotasks();
    first.settleAll();
    expect(store.group('billing-group').reset('orders', [0])).toBe(false);
    await first.leg.detach({ deadlineMs: 1_000 });
    expect(store.group('billing-group').reset('orders', [0])).toBe(true);
    const second = await attach(broker);
    await settleMicrotasks();
    expect(second.ids()).toEqual(['a']);
  });
});
