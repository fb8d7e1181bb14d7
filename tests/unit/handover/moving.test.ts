import { expect, test } from '@jest/globals';
import type { Leg } from '../../../src/contract/broker.js';
import { BuscouplerError, defineConsumer, defineTopic } from '../../../src/index.js';
import { createSeededRandom } from '../../../src/testing/seeded-random.js';
import { billing, openTestBus, orders, type TestBus, watch } from '../bus/harness.js';
import { type Deferred, deferred } from '../delivery/harness.js';

/** Publishes so many messages with keys, from the given number on. */
async function publish({ bus }: TestBus, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += 1)
    await bus.publish(orders, { n, user: `user-${n % 5}` }, { id: `id-${n}` });
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

test('a consumer moves back and forth under traffic: every message once, in order per key', async () => {
  const handled: { n: number; user?: string }[] = [];
  const world = await openTestBus({
    consumers: [
      billing({
        handle: async ({ data }) => {
          await new Promise<void>((resolve) => void world.clock.schedule(resolve, 1 + (data.n % 7)));
          handled.push(data);
        },
      }),
    ],
  });
  await world.start();
  const control = world.bus.consumer('billing');
  const random = createSeededRandom(11);
  let published = 0;
  for (let round = 0; round < 12; round += 1) {
    const moving = watch(control.move(round % 2 === 0 ? 'kafka' : 'rabbitmq'));
    const count = 5 + Math.floor(random() * 30);
    await publish(world, published, published + count);
    published += count;
    await world.clock.advance(Math.floor(random() * 40));
    if (random() < 0.3) await world.clock.advance(500);
    expect(moving.error).toBeUndefined();
  }
  await world.clock.advance(5_000);
  expect(handled.map(({ n }) => n).sort((a, b) => a - b)).toEqual(numbers(0, published));
  for (const user of ['user-0', 'user-1', 'user-2', 'user-3', 'user-4']) {
    const order = handled.filter((one) => one.user === user).map(({ n }) => n);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  }
});

test('the old leg finishes what was delivered before the new one begins', async () => {
  const gates = new Map<string, Deferred>();
  const runs: string[] = [];
  const world = await openTestBus({
    consumers: [
      billing({
        handle: ({ id }, { broker }) => {
          runs.push(`${id} on ${broker}`);
          const gate = deferred();
          gates.set(id, gate);
          return gate.promise;
        },
      }),
    ],
  });
  await world.start();
  await publish(world, 0, 1);
  await world.clock.advance(0);
  const moving = watch(world.bus.consumer('billing').move('kafka'));
  await world.clock.advance(0);
  await publish(world, 1, 3);
  await world.clock.advance(5_000);
  expect({ runs, isOver: moving.isOver }).toEqual({ runs: ['id-0 on rabbitmq'], isOver: false });
  expect(world.bus.consumer('billing').status()).toMatchObject({
    state: 'moving',
    broker: 'kafka',
    legs: { rabbitmq: { state: 'draining', unsettled: 1 }, kafka: { state: 'live' } },
  });
  gates.get('id-0')?.resolve();
  await world.clock.advance(0);
  expect(moving.isOver).toBe(true);
  expect(runs).toEqual(['id-0 on rabbitmq', 'id-1 on kafka', 'id-2 on kafka']); // id-0's copy on Kafka was recognised
  for (const gate of gates.values()) gate.resolve();
  await world.clock.advance(0);
  expect(world.log.lag('billing-group', 'orders')).toBe(0);
});

test('a move tells its begin, its end, and how long it took', async () => {
  const { bus, told, start } = await openTestBus({ consumers: [billing()] });
  await start();
  await bus.consumer('billing').move('kafka');
  await bus.consumer('billing').move('kafka'); // it is there
  expect(told.filter(({ name }) => name.startsWith('consumer-'))).toEqual([
    {
      name: 'consumer-started',
      event: { consumer: 'billing', topic: 'orders', group: 'billing-group', broker: 'rabbitmq' },
    },
    { name: 'consumer-moving', event: { consumer: 'billing', from: 'rabbitmq', to: 'kafka' } },
    {
      name: 'consumer-started',
      event: { consumer: 'billing', topic: 'orders', group: 'billing-group', broker: 'kafka' },
    },
    { name: 'consumer-moved', event: { consumer: 'billing', from: 'rabbitmq', to: 'kafka', tookMs: 0 } },
  ]);
});

/** Proves that the consumer is still fed by RabbitMQ, and says so. */
async function expectUntouched(world: TestBus, handled: readonly string[]): Promise<void> {
  expect(world.bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'rabbitmq' });
  await world.bus.publish(orders, { n: 99 }, { id: 'afterwards' }).catch(() => undefined);
  await world.clock.advance(100);
  expect(handled).toContain('afterwards');
  expect(world.names()).toContain('consumer-move-refused');
  expect(world.names()).not.toContain('consumer-moved');
}

test('a consumer without an inbox stays where it is: it would handle everything again', async () => {
  const handled: string[] = [];
  const handle = ({ id }: { id: string }): void => void handled.push(id);
  for (const options of [
    { inbox: null, consumers: [billing({ handle })] },
    { consumers: [billing({ handle, inbox: false })] },
  ]) {
    const world = await openTestBus(options);
    await world.start();
    await expect(world.bus.consumer('billing').move('kafka')).rejects.toMatchObject({
      code: 'BC_MOVE_REFUSED',
      message: expect.stringContaining('no inbox'),
    });
    await expectUntouched(world, handled);
  }
});

test('a consumer stays where it is when its topic is not published to the other broker', async () => {
  const topic = defineTopic({ name: 'orders', brokers: ['rabbitmq'] });
  const { bus, names, start } = await openTestBus({
    topics: [topic],
    consumers: [defineConsumer({ name: 'billing', topic, group: 'g', handle: () => undefined })],
  });
  await start();
  await expect(bus.consumer('billing').move('kafka')).rejects.toMatchObject({
    message: expect.stringContaining('its topic "orders" is published to rabbitmq'),
  });
  expect(bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'rabbitmq' });
  expect(names()).toContain('consumer-move-refused');
});

test('a broker that is down refuses the move at once and the old leg goes on', async () => {
  const handled: string[] = [];
  const world = await openTestBus({ consumers: [billing({ handle: ({ id }) => void handled.push(id) })] });
  await world.start();
  world.log.faults.goDown();
  const moving = watch(world.bus.consumer('billing').move('kafka'));
  await world.clock.advance(0);
  expect(moving.error).toMatchObject({
    code: 'BC_MOVE_REFUSED',
    message: expect.stringContaining('kafka is down'),
  });
  const publishing = watch(world.bus.publish(orders, { n: 1 }, { id: 'afterwards' }));
  await world.clock.advance(100);
  expect({ handled, isPublished: publishing.isOver }).toEqual({
    handled: ['afterwards'],
    isPublished: false,
  });
  expect(world.bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'rabbitmq' });
});

test.each([
  ['rejects', () => Promise.reject(new BuscouplerError('BC_PERMISSION', 'May not read.')), 0],
  ['never answers', () => new Promise<never>(() => undefined), 60_000 + 120_000], // its draining leg may come yet
])('a broker whose attach %s refuses the move and the old leg goes on', async (_, attach, afterMs) => {
  const handled: string[] = [];
  const world = await openTestBus({
    consumers: [billing({ handle: ({ id }) => void handled.push(id) })],
    port: (name, port) => {
      if (name === 'kafka') port.attach = attach;
      return port;
    },
  });
  await world.start();
  const moving = watch(world.bus.consumer('billing').move('kafka'));
  await world.clock.advance(afterMs);
  expect(moving.error).toBeInstanceOf(BuscouplerError);
  await expectUntouched(world, handled);
});

test('a leg that comes after its move was given up leaves at once and hands nothing over', async () => {
  const late = deferred();
  const handled: string[] = [];
  const legs: Leg[] = [];
  const world = await openTestBus({
    consumers: [billing({ handle: (_, { broker }) => void handled.push(broker) })],
    port: (name, port) => {
      const attach = port.attach.bind(port);
      if (name === 'kafka')
        port.attach = async (spec) => {
          if (spec.role !== 'draining') await late.promise;
          const leg = await attach(spec);
          if (spec.role !== 'draining') legs.push(leg);
          return leg;
        };
      return port;
    },
  });
  await world.start();
  const moving = watch(world.bus.consumer('billing').move('kafka'));
  await world.clock.advance(120_000);
  expect(moving.error).toMatchObject({ code: 'BC_BROKER_UNAVAILABLE' });
  late.resolve();
  await world.clock.advance(0);
  await publish(world, 0, 3);
  await world.clock.advance(0);
  expect(handled).toEqual(['rabbitmq', 'rabbitmq', 'rabbitmq']);
  expect(legs.map((leg) => leg.status().state)).toEqual(['stopped']);
  expect(world.log.lag('billing-group', 'orders')).toBe(3);
});

test('an old leg that cannot leave in good order does not keep the consumer from moving', async () => {
  const handled: string[] = [];
  const world = await openTestBus({
    consumers: [billing({ handle: (_, { broker }) => void handled.push(broker) })],
    port: (name, port) => {
      const attach = port.attach.bind(port);
      if (name === 'rabbitmq') {
        port.attach = async (spec) => {
          const leg = await attach(spec);
          leg.drain = () => Promise.reject(new Error('channel is gone'));
          leg.detach = () => Promise.reject(new Error('channel is gone'));
          return leg;
        };
      }
      return port;
    },
  });
  await world.start();
  await world.bus.consumer('billing').move('kafka');
  expect(world.bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'kafka' });
  expect(world.told).toContainEqual({
    name: 'warning',
    event: { what: expect.stringContaining('channel is gone') },
  });
});

test('a handler that never ends is given up by the move in the end; what it held runs on the new leg', async () => {
  const runs: string[] = [];
  const world = await openTestBus({
    consumers: [
      billing({
        timeoutMs: 10_000,
        retry: { inline: { attempts: 1 } },
        handle: (_, { broker }) => {
          runs.push(broker);
          return broker === 'rabbitmq' ? new Promise(() => undefined) : undefined;
        },
      }),
    ],
  });
  await world.start();
  await publish(world, 0, 1);
  await world.clock.advance(0);
  const moving = watch(world.bus.consumer('billing').move('kafka'));
  await world.clock.advance(9_000);
  expect({ runs, isOver: moving.isOver }).toEqual({ runs: ['rabbitmq'], isOver: false });
  await world.clock.advance(100_000);
  expect(moving.isOver).toBe(true);
});

test('a consumer that is not running only changes the broker that it starts on', async () => {
  const { bus, names, start } = await openTestBus({ consumers: [billing()] });
  await bus.consumer('billing').move('kafka');
  expect(bus.consumer('billing').status()).toMatchObject({ state: 'idle', broker: 'kafka' });
  await start();
  expect(bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'kafka' });
  await bus.consumer('billing').stop();
  await bus.consumer('billing').move('rabbitmq');
  await bus.consumer('billing').start();
  expect(bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'rabbitmq' });
  expect(names().filter((name) => name === 'consumer-moved')).toHaveLength(2);
});

test('a consumer that waits for its broker starts on the other one when it is moved there', async () => {
  const topic = defineTopic({ name: 'orders', policy: 'any', allowGaps: true });
  const { bus, clock, queues } = await openTestBus({
    env: { START_TIMEOUT_MS: '1000' },
    topics: [topic],
    consumers: [defineConsumer({ name: 'billing', topic, group: 'g', handle: () => undefined })],
  });
  queues.faults.goDown();
  const starting = bus.start();
  await clock.advance(1_500);
  await starting;
  await bus.consumer('billing').move('kafka');
  expect(bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'kafka' });
  queues.faults.comeUp();
  await clock.advance(10_000);
  expect(bus.health().ok).toBe(true);
});

test('moves that are called at once run one after another; the last one wins', async () => {
  const handled: number[] = [];
  const world = await openTestBus({
    consumers: [billing({ handle: ({ data }) => void handled.push(data.n) })],
  });
  await world.start();
  const control = world.bus.consumer('billing');
  const moves = ['kafka', 'rabbitmq', 'kafka', 'rabbitmq', 'kafka'] as const;
  const all = Promise.all([...moves.map((to) => control.move(to)), publish(world, 0, 50)]);
  await world.clock.advance(1_000);
  await all;
  await world.clock.advance(1_000);
  expect(control.status()).toMatchObject({ state: 'live', broker: 'kafka' });
  expect(handled.sort((a, b) => a - b)).toEqual(numbers(0, 50));
  expect(world.told.flatMap(({ name, event }) => (name === 'consumer-moved' ? [event.to] : []))).toEqual([
    ...moves,
  ]);
});
