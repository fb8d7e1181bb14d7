import { expect, test } from '@jest/globals';
import * as z from 'zod';
import { BuscouplerError, defineConsumer, defineTopic, memoryInbox } from '../../../src/index.js';
import { billing, openTestBus, orders, watch } from './harness.js';

const users = defineTopic({ name: 'users' });

test('a consumer can be added before the start, while it goes on, and afterwards', async () => {
  const handled: string[] = [];
  const named = (name: string) =>
    defineConsumer({
      name,
      topic: orders,
      group: `${name}-group`,
      handle: ({ id }) => void handled.push(`${name} ${id}`),
    });
  const { bus, clock } = await openTestBus();
  await bus.addConsumer(named('before'));
  const starting = bus.start();
  const during = bus.addConsumer(named('during'));
  await Promise.all([starting, during]);
  await bus.addConsumer(named('after'));
  await bus.publish(orders, { n: 1 }, { id: 'one' });
  await clock.advance(0);
  expect(handled.sort()).toEqual(['after one', 'before one', 'during one']);
  expect(Object.values(bus.health().consumers).map(({ state }) => state)).toEqual(['live', 'live', 'live']);
});

test('a consumer that is added to a publisher-only bus gets its places and is not fed', async () => {
  const { bus, queues, start } = await openTestBus();
  await start({ consume: false });
  await bus.addConsumer(billing());
  expect(queues.queue('billing-group')).toBeDefined();
  expect(bus.consumer('billing').status().state).toBe('idle');
});

test('a consumer that is refused leaves no trace and can be added once it is right', async () => {
  const { bus, start } = await openTestBus({ consumers: [billing()] });
  await start();
  const twin = (name: string, group: string) =>
    defineConsumer({ name, topic: users, group, handle: () => undefined });
  await expect(bus.addConsumer(twin('billing', 'other'))).rejects.toMatchObject({
    code: 'BC_DEFINITION_INVALID',
  });
  await expect(bus.addConsumer(twin('bil-ling', 'billing-group_dlq'))).rejects.toMatchObject({
    code: 'BC_DEFINITION_INVALID',
  });
  await bus.addConsumer(twin('bil-ling', 'other'));
  await expect(bus.addConsumer(twin('bil_ling', 'third'))).rejects.toMatchObject({
    code: 'BC_CONFIG_INVALID',
    message: expect.stringContaining('CONSUMER_BIL_LING_BROKER'),
  });
  await expect(bus.addConsumer({ name: 'x' } as never)).rejects.toMatchObject({
    code: 'BC_DEFINITION_INVALID',
  });
  expect(Object.keys(bus.health().consumers)).toEqual(['billing', 'bil-ling']);
});

test('a consumer whose places cannot be made is not kept', async () => {
  let isBroken = true;
  const { bus, start } = await openTestBus({
    port: (name, port) => {
      const provision = port.provision.bind(port);
      if (name === 'kafka') {
        port.provision = (topology) =>
          isBroken && topology.consumers.length > 0
            ? Promise.reject(new BuscouplerError('BC_PLACE_CONFLICT', 'Another topic.'))
            : provision(topology);
      }
      return port;
    },
  });
  await start();
  await expect(bus.addConsumer(billing())).rejects.toMatchObject({ code: 'BC_PLACE_CONFLICT' });
  expect(() => bus.consumer('billing')).toThrow(expect.objectContaining({ code: 'BC_CONSUMER_UNKNOWN' }));
  isBroken = false;
  await bus.addConsumer(billing());
  expect(bus.consumer('billing').status().state).toBe('live');
});

test('a consumer that is added while its broker is away starts when that comes', async () => {
  const topic = defineTopic({ name: 'orders', policy: 'any', allowGaps: true });
  const { bus, clock, queues } = await openTestBus({ topics: [topic], env: { START_TIMEOUT_MS: '1000' } });
  queues.faults.goDown();
  const starting = bus.start();
  await clock.advance(1_500);
  await starting;
  await bus.addConsumer(defineConsumer({ name: 'billing', topic, group: 'g', handle: () => undefined }));
  expect(bus.consumer('billing').status().state).toBe('recovering');
  queues.faults.comeUp();
  await clock.advance(10_000);
  expect(bus.consumer('billing').status().state).toBe('live');
});

test('a consumer is not lost to a start that failed while it was added', async () => {
  const { bus, clock, queues } = await openTestBus({ env: { START_TIMEOUT_MS: '1000' } });
  queues.faults.goDown();
  const starting = watch(bus.start());
  const adding = watch(bus.addConsumer(billing()));
  await clock.advance(2_000);
  expect(starting.error).toMatchObject({ code: 'BC_BROKER_UNAVAILABLE' });
  expect(adding).toEqual({ isOver: true, value: undefined });
  queues.faults.comeUp();
  await bus.start();
  expect(bus.consumer('billing').status().state).toBe('live');
});

test('nothing can be added to a bus that closes', async () => {
  const { bus } = await openTestBus();
  void bus.close();
  await expect(bus.addConsumer(billing())).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
});

test('an unknown consumer is told as such, with the known ones', async () => {
  const { bus } = await openTestBus({ consumers: [billing()] });
  expect(() => bus.consumer('bill')).toThrow(
    expect.objectContaining({
      code: 'BC_CONSUMER_UNKNOWN',
      message: expect.stringContaining('known: billing'),
    }),
  );
  expect(() => bus.consumer('__proto__')).toThrow(expect.objectContaining({ code: 'BC_CONSUMER_UNKNOWN' }));
});

test('a topic is published by name as JSON without a schema, and must exist', async () => {
  const { bus, clock, queues, start } = await openTestBus({ consumers: [billing()] });
  await start();
  await expect(bus.publish('nowhere', { n: 1 })).rejects.toMatchObject({
    code: 'BC_PUBLISH_FAILED',
    errors: { kafka: { code: 'BC_PLACE_MISSING' }, rabbitmq: { code: 'BC_PLACE_MISSING' } },
  });
  await expect(bus.publish('..', { n: 1 })).rejects.toMatchObject({ code: 'BC_NAME_INVALID' });
  await expect(bus.publish(undefined as never, { n: 1 })).rejects.toMatchObject({
    code: 'BC_MESSAGE_INVALID',
  });
  await bus.publish('orders', { n: 1, user: 'u' });
  await clock.advance(0);
  expect(queues.depth('billing-group')).toBe(0);
});

test('publishing by name uses schema and key of the definition', async () => {
  const topic = defineTopic({ name: 'orders', schema: z.object({ n: z.number() }), key: ({ n }) => `k${n}` });
  const { bus, log, start } = await openTestBus({
    topics: [topic],
    consumers: [defineConsumer({ name: 'billing', topic, group: 'g', handle: () => undefined })],
  });
  await start();
  await expect(bus.publish('orders', { n: 'x' })).rejects.toMatchObject({ code: 'BC_MESSAGE_INVALID' });
  await bus.publish('orders', { n: 5 });
  expect(log.read('orders').map(({ key }) => key)).toEqual(['k5']);
});

test('a batch gives an outcome per message, in order, and keeps the order of the good ones', async () => {
  const { bus, log, start } = await openTestBus({ consumers: [billing()] });
  await start();
  const outcomes = await bus.publishMany(orders, [
    { data: { n: 1 }, id: 'a', key: 'k' },
    { data: 1n as never },
    null as never,
    { data: { n: 3 }, headers: { 'bc-id': 'spoofed' } },
    { data: { n: 4 }, id: 'b', key: 'k' },
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual([
    'published',
    'rejected',
    'rejected',
    'rejected',
    'published',
  ]);
  expect(log.read('orders').map(({ id }) => id)).toEqual(['a', 'b']);
  expect(await bus.publishMany(orders, [])).toEqual([]);
  await expect(bus.publishMany(orders, undefined as never)).rejects.toMatchObject({
    code: 'BC_MESSAGE_INVALID',
  });
});

test('health tells why a consumer does nothing while the inbox does not answer', async () => {
  let isDown = true;
  const inner = memoryInbox();
  const inbox = {
    ...inner,
    claim: (...args: Parameters<typeof inner.claim>) => {
      if (isDown) throw new Error('no primary');
      return inner.claim(...args);
    },
  };
  const { bus, clock, names, start } = await openTestBus({ inbox, consumers: [billing()] });
  await start();
  await bus.publish(orders, { n: 1 });
  await clock.advance(1_000);
  expect(bus.health()).toMatchObject({
    ok: false,
    consumers: { billing: { state: 'recovering', reason: expect.stringContaining('no primary') } },
  });
  isDown = false;
  await clock.advance(10_000);
  expect(bus.health()).toMatchObject({ ok: true, consumers: { billing: { state: 'live' } } });
  expect(names()).toEqual(['consumer-started', 'consumer-paused', 'consumer-resumed']);
});

test('a topic can be added before the start and afterwards, and its places are made', async () => {
  const { bus, log, queues, start } = await openTestBus({ topics: [] });
  await bus.addTopic(users);
  await start();
  const late = defineTopic({ name: 'late', unroutable: 'accept' });
  await expect(bus.publish(late, 1)).rejects.toMatchObject({ code: 'BC_PUBLISH_FAILED' });
  await bus.addTopic(late);
  await bus.addTopic(late);
  expect((await bus.publish(late, 1)).brokers).toEqual({ kafka: 'stored', rabbitmq: 'stored' });
  for (const name of ['users', 'late']) {
    expect(log.topic(name)).toBeDefined();
    expect(queues.exchange(name)).toBeDefined();
  }
});

test('a topic that the bus cannot have is refused', async () => {
  const { bus, start } = await openTestBus({ topics: [users] });
  await start();
  await expect(bus.addTopic(defineTopic({ name: 'users' }))).rejects.toMatchObject({
    code: 'BC_DEFINITION_INVALID',
  });
  await expect(bus.addTopic(defineTopic({ name: 'a b' }))).rejects.toMatchObject({ code: 'BC_NAME_INVALID' });
  await expect(bus.addTopic('users' as never)).rejects.toMatchObject({ code: 'BC_DEFINITION_INVALID' });
});

test('a flag of a consumer that comes late is a warning where late ones are expected, and it counts', async () => {
  const env = { CONSUMER_BILLING_BROKER: 'kafka' };
  await expect(openTestBus({ env })).rejects.toMatchObject({ code: 'BC_CONFIG_INVALID' });
  const { bus, start, told } = await openTestBus({ env, lateConsumers: true });
  await start();
  const warned = told.filter(({ name }) => name === 'warning');
  expect(warned).toEqual([
    {
      name: 'warning',
      event: {
        what: expect.stringContaining('CONSUMER_BILLING_BROKER is set for a consumer that is not there'),
      },
    },
  ]);
  await bus.addConsumer(billing());
  expect(bus.consumer('billing').status().broker).toBe('kafka');
});
