import { expect, test } from '@jest/globals';
import { BuscouplerError, defineConsumer, defineTopic, memoryInbox } from '../../../src/index.js';
import { deferred } from '../delivery/harness.js';
import { billing, openTestBus, orders, watch } from './harness.js';

test('publishing before start and after close is refused with the state', async () => {
  const { bus, start } = await openTestBus({ consumers: [billing()] });
  const refusal = (state: string) => ({ code: 'BC_LIFECYCLE', message: expect.stringContaining(state) });
  await expect(bus.publish(orders, { n: 1 })).rejects.toMatchObject(refusal('new'));
  await start();
  await expect(bus.publish(orders, { n: 1 })).resolves.toMatchObject({ brokers: { kafka: 'stored' } });
  await bus.close();
  await expect(bus.publish(orders, { n: 1 })).rejects.toMatchObject(refusal('closed'));
  expect(await bus.publishMany(orders, [{ data: { n: 1 } }])).toMatchObject([
    { status: 'rejected', error: { code: 'BC_LIFECYCLE' } },
  ]);
});

test('start and close each share one promise', async () => {
  const { bus } = await openTestBus();
  expect(bus.start()).toBe(bus.start());
  await bus.start();
  expect(bus.close()).toBe(bus.close({ deadlineMs: 1 }));
  await expect(bus.start()).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
  expect(await bus.close()).toEqual({ publishes: 0, deliveries: 0 });
});

test('a bus that never started closes', async () => {
  const { bus } = await openTestBus({ consumers: [billing()] });
  expect(await bus.close()).toEqual({ publishes: 0, deliveries: 0 });
  expect(bus.health()).toMatchObject({ state: 'closed', ok: false });
});

test('a required broker that is away refuses the start at its deadline and names it; a second start works', async () => {
  const { bus, clock, queues } = await openTestBus({ env: { START_TIMEOUT_MS: '5000' } });
  queues.faults.goDown();
  const first = watch(bus.start());
  await clock.advance(4_999);
  expect(first.isOver).toBe(false);
  await clock.advance(1_000);
  expect(first.error).toMatchObject({
    code: 'BC_BROKER_UNAVAILABLE',
    message: expect.stringContaining('rabbitmq did not come up within 5000 ms'),
  });
  expect(bus.health().state).toBe('new');
  expect(queues.faults.refusedConnects).toBeGreaterThan(1);
  queues.faults.comeUp();
  await bus.start();
  expect(bus.health()).toMatchObject({ state: 'started', ok: true });
});

test('a broker that hangs while its places are made does not hold the start beyond its deadline', async () => {
  const { bus, clock } = await openTestBus({
    env: { START_TIMEOUT_MS: '5000' },
    port: (name, port) => {
      if (name === 'kafka') port.provision = () => new Promise(() => undefined);
      return port;
    },
  });
  const starting = watch(bus.start());
  await clock.advance(6_000);
  expect(starting.error).toMatchObject({
    code: 'BC_BROKER_UNAVAILABLE',
    message: expect.stringContaining('kafka did not come up'),
  });
});

test('an error that waiting cannot cure refuses the start at once, as it is', async () => {
  const conflict = new BuscouplerError('BC_PLACE_CONFLICT', 'The exchange is another.');
  const { bus, clock } = await openTestBus({
    port: (name, port) => {
      if (name === 'rabbitmq') port.provision = () => Promise.reject(conflict);
      return port;
    },
  });
  const starting = watch(bus.start());
  await clock.advance(0);
  expect(starting.error).toBe(conflict);
});

test.each([
  ['any', { PUBLISH_POLICY: 'any' }, 'rabbitmq'],
  ['any', { PUBLISH_POLICY: 'any' }, 'kafka'],
  ['primary', { PUBLISH_POLICY: 'primary', PUBLISH_PRIMARY: 'kafka' }, 'rabbitmq'],
] as const)(
  'with policy %s the bus starts without a broker, says so, and recovers by itself',
  async (_, env, away) => {
    const topic = defineTopic({ name: 'orders', allowGaps: true });
    const handled: string[] = [];
    const consumer = defineConsumer({
      name: 'billing',
      topic,
      group: 'g',
      handle: ({ id }) => void handled.push(id),
    });
    const { bus, clock, log, queues, names, start } = await openTestBus({
      env: { ...env, START_TIMEOUT_MS: '1000', CONSUMER_BILLING_BROKER: away },
      topics: [topic],
      consumers: [consumer],
    });
    const store = away === 'kafka' ? log : queues;
    store.faults.goDown();
    const starting = start();
    await clock.advance(1_500);
    await starting;
    expect(names()).toContain('broker-degraded');
    expect(bus.health()).toMatchObject({ state: 'started', ok: false });
    expect(bus.consumer('billing').status()).toMatchObject({
      state: 'recovering',
      reason: `${away} is not connected`,
    });
    const publishing = watch(bus.publish(topic, { n: 1 }, { id: 'early' }));
    await clock.advance(0);
    expect(publishing.value?.brokers[away]).toBe('pending');
    store.faults.comeUp();
    await clock.advance(10_000);
    expect(bus.health()).toMatchObject({ state: 'started', ok: true });
    expect(handled).toEqual(['early']);
  },
);

test('with policy primary the primary broker is required', async () => {
  const { bus, clock, log } = await openTestBus({
    env: { PUBLISH_POLICY: 'primary', PUBLISH_PRIMARY: 'kafka', START_TIMEOUT_MS: '1000' },
  });
  log.faults.goDown();
  const starting = watch(bus.start());
  await clock.advance(2_000);
  expect(starting.error).toMatchObject({ message: expect.stringContaining('kafka did not come up') });
});

test('with policy any and every broker away the start is refused', async () => {
  const { bus, clock, log, queues } = await openTestBus({
    env: { PUBLISH_POLICY: 'any', START_TIMEOUT_MS: '1000' },
  });
  log.faults.goDown();
  queues.faults.goDown();
  const starting = watch(bus.start());
  await clock.advance(2_000);
  expect(starting.error).toMatchObject({ code: 'BC_BROKER_UNAVAILABLE' });
});

test('a consumer that cannot be fed refuses the start, leaves nothing running, and a second start works', async () => {
  let isBroken = true;
  const other = defineConsumer({
    name: 'audit',
    topic: orders,
    group: 'audit-group',
    handle: () => undefined,
  });
  const { bus, clock, queues } = await openTestBus({
    consumers: [billing(), other],
    port: (name, port) => {
      const attach = port.attach.bind(port);
      if (name === 'rabbitmq') {
        port.attach = (spec) =>
          isBroken && spec.consumer.name === 'audit'
            ? Promise.reject(new BuscouplerError('BC_PERMISSION', 'May not read.'))
            : attach(spec);
      }
      return port;
    },
  });
  const starting = watch(bus.start());
  await clock.advance(20_000);
  expect(starting.error).toMatchObject({ code: 'BC_PERMISSION' });
  expect(bus.health()).toMatchObject({ state: 'new', consumers: { billing: { state: 'stopped' } } });
  isBroken = false;
  await bus.start();
  expect(bus.health().consumers).toMatchObject({ billing: { state: 'live' }, audit: { state: 'live' } });
  expect(queues.requireQueue('billing-group').ready).toBe(0);
});

test('an inbox that cannot start refuses the start with a typed error', async () => {
  const inbox = { ...memoryInbox(), start: () => Promise.reject(new Error('no store')) };
  const { bus } = await openTestBus({ inbox });
  await expect(bus.start()).rejects.toMatchObject({
    code: 'BC_INBOX_UNAVAILABLE',
    message: expect.stringContaining('no store'),
  });
  expect(bus.health().state).toBe('new');
});

test('closing while a broker is awaited ends the start at once', async () => {
  const { bus, clock, queues } = await openTestBus();
  queues.faults.goDown();
  const starting = watch(bus.start());
  await clock.advance(100);
  const closing = watch(bus.close());
  await clock.advance(1_000);
  expect(starting.error).toMatchObject({ code: 'BC_LIFECYCLE' });
  expect(closing.value).toEqual({ publishes: 0, deliveries: 0 });
});

test('closing while the inbox starts ends before its deadline too', async () => {
  const opened = deferred();
  const { bus, clock, queues } = await openTestBus({
    inbox: { ...memoryInbox(), start: () => opened.promise },
  });
  queues.faults.goDown();
  const starting = watch(bus.start());
  const closing = watch(bus.close());
  opened.resolve();
  await clock.advance(1_000);
  expect(starting.error).toMatchObject({ code: 'BC_LIFECYCLE' });
  expect(closing.isOver).toBe(true);
});

test('closing while a consumer waits to be fed ends the start and the consumer', async () => {
  const { bus, clock } = await openTestBus({
    consumers: [billing()],
    port: (_, port) => {
      port.attach = () => new Promise(() => undefined);
      return port;
    },
  });
  const starting = watch(bus.start());
  await clock.advance(100);
  const closing = watch(bus.close());
  await clock.advance(100);
  expect(starting.error).toMatchObject({ code: 'BC_LIFECYCLE' });
  expect(closing.value).toEqual({ publishes: 0, deliveries: 0 });
});

test('closing waits for running handlers, lets them publish, and settles what they did', async () => {
  const gate = deferred();
  const followUps: unknown[] = [];
  const world = await openTestBus({
    consumers: [
      billing({
        handle: async ({ data }) => {
          if (data.n > 1) return;
          await gate.promise;
          followUps.push(await world.bus.publish(orders, { n: 2 }));
        },
      }),
    ],
  });
  const { bus, clock, queues, start } = world;
  await start();
  await bus.publish(orders, { n: 1 });
  await clock.advance(0);
  const closing = watch(bus.close());
  await clock.advance(1_000);
  expect(closing.isOver).toBe(false);
  gate.resolve();
  await clock.advance(1_000);
  expect(followUps).toMatchObject([{ brokers: { kafka: 'stored', rabbitmq: 'stored' } }]);
  expect(closing.value).toEqual({ publishes: 0, deliveries: 0 });
  expect(queues.depth('billing-group')).toBe(1); // the follow-up, for the next start
});

test('closing settles every pending publish and says how many it had to reject', async () => {
  const { bus, clock, log, queues, start } = await openTestBus();
  await start();
  log.faults.block();
  const held = queues.faults.holdReplies({ count: 10 });
  const publishes = [1, 2, 3].map((n) => watch(bus.publish(orders, { n })));
  await clock.advance(0);
  const closing = watch(bus.close({ deadlineMs: 2_000 }));
  await clock.advance(1_999);
  expect(closing.isOver).toBe(false);
  await clock.advance(1_000);
  expect(held.hits).toBe(3);
  expect(closing.value).toEqual({ publishes: 3, deliveries: 0 });
  for (const { error } of publishes) {
    expect(error).toMatchObject({
      code: 'BC_PUBLISH_UNCERTAIN',
      brokers: { kafka: 'failed', rabbitmq: 'uncertain' },
    });
  }
});

test('closing interrupts handlers at its deadline and says how many deliveries were left', async () => {
  const { bus, clock, queues, start } = await openTestBus({
    consumers: [billing({ concurrency: 2, handle: () => new Promise(() => undefined) })],
  });
  await start();
  for (const n of [1, 2, 3]) await bus.publish(orders, { n });
  await clock.advance(0);
  const closing = watch(bus.close({ deadlineMs: 1_000 }));
  await clock.advance(3_000);
  expect(closing.value).toEqual({ publishes: 0, deliveries: 3 });
  expect(queues.depth('billing-group')).toBe(3);
});

test('a broker or an inbox that fails or hangs while it closes does not keep the bus open', async () => {
  const inbox = { ...memoryInbox(), close: () => Promise.reject(new Error('no store')) };
  const { bus, clock, told, start } = await openTestBus({
    inbox,
    port: (name, port) => {
      if (name === 'kafka') port.close = () => new Promise(() => undefined);
      return port;
    },
  });
  await start();
  const closing = watch(bus.close({ deadlineMs: 1_000 }));
  await clock.advance(10_000);
  expect(closing.value).toEqual({ publishes: 0, deliveries: 0 });
  expect(told).toMatchObject([{ name: 'warning', event: { what: expect.stringContaining('no store') } }]);
});

test('a publisher-only start feeds no consumer', async () => {
  const { bus, start } = await openTestBus({ consumers: [billing()] });
  await start({ consume: false });
  expect(bus.consumer('billing').status().state).toBe('idle');
  await expect(bus.publish(orders, { n: 1 })).resolves.toBeDefined();
});
