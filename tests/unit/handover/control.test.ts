import { expect, test } from '@jest/globals';
import type { Leg } from '../../../src/contract/broker.js';
import { type BrokerName, BuscouplerError, defineConsumer, defineTopic } from '../../../src/index.js';
import { billing, openTestBus, orders, watch } from '../bus/harness.js';
import { type Deferred, deferred } from '../delivery/harness.js';

test('a consumer stops, starts and stops again; what came meanwhile is handled then', async () => {
  const handled: number[] = [];
  const { bus, clock, start, told } = await openTestBus({
    consumers: [billing({ handle: ({ data }) => void handled.push(data.n) })],
  });
  await start();
  const control = bus.consumer('billing');
  for (let round = 0; round < 3; round += 1) {
    await control.stop();
    await control.stop(); // idempotent
    await bus.publish(orders, { n: round });
    await clock.advance(1_000);
    expect(handled).toHaveLength(round);
    await control.start();
    await control.start();
    await clock.advance(0);
    expect(handled).toHaveLength(round + 1);
  }
  expect(told.filter(({ name }) => name === 'consumer-stopped')).toHaveLength(3);
});

test('a stop waits for running handlers, and what they did is settled', async () => {
  const gate = deferred();
  const { bus, clock, queues, start } = await openTestBus({
    consumers: [billing({ handle: () => gate.promise })],
  });
  await start();
  await bus.publish(orders, { n: 1 });
  await clock.advance(0);
  const stopping = watch(bus.consumer('billing').stop());
  await clock.advance(5_000);
  expect(stopping.isOver).toBe(false);
  gate.resolve();
  await clock.advance(0);
  expect(stopping.isOver).toBe(true);
  expect(queues.depth('billing-group')).toBe(0);
});

test('a stop ends at its deadline: handlers are interrupted, nothing is settled, nothing counts as failed', async () => {
  let aborted = 0;
  const { bus, clock, queues, names, told, start } = await openTestBus({
    consumers: [
      billing({
        handle: (_, { signal }) => {
          signal.addEventListener('abort', () => {
            aborted += 1;
          });
          return new Promise(() => undefined);
        },
      }),
    ],
  });
  await start();
  await bus.publish(orders, { n: 1 });
  await bus.publish(orders, { n: 2 });
  await clock.advance(0);
  const stopping = watch(bus.consumer('billing').stop({ deadlineMs: 2_000 }));
  await clock.advance(1_999);
  expect({ aborted, isOver: stopping.isOver }).toEqual({ aborted: 0, isOver: false });
  await clock.advance(1);
  expect({ aborted, isOver: stopping.isOver }).toEqual({ aborted: 2, isOver: true });
  expect(told.at(-1)).toEqual({
    name: 'consumer-stopped',
    event: { consumer: 'billing', broker: 'rabbitmq', unsettled: 2 },
  });
  expect(names()).not.toContain('attempt-failed');
  expect(queues.depth('billing-group')).toBe(2);
});

test('a stop does not wait for a broker that never feeds the consumer', async () => {
  const { bus, clock, start } = await openTestBus({
    consumers: [billing()],
    port: (_, port) => {
      port.attach = () => new Promise(() => undefined);
      return port;
    },
  });
  await start({ consume: false });
  const starting = watch(bus.consumer('billing').start());
  await clock.advance(100);
  await bus.consumer('billing').stop();
  expect(starting.error).toMatchObject({ code: 'BC_LIFECYCLE' });
  expect(bus.consumer('billing').status().state).toBe('stopped');
});

test('a stop cuts a move short: within its deadline, and what was called before it does not begin any more', async () => {
  const { bus, clock, start, queues, log } = await openTestBus({
    consumers: [billing({ handle: () => new Promise(() => undefined) })],
  });
  await start();
  await bus.publish(orders, { n: 1 });
  await clock.advance(0);
  const control = bus.consumer('billing');
  const moving = watch(control.move('kafka'));
  const next = watch(control.move('rabbitmq'));
  await clock.advance(1_000);
  expect(control.status().state).toBe('moving');
  const stopping = watch(control.stop({ deadlineMs: 2_000 }));
  await clock.advance(4_000);
  expect(stopping.isOver).toBe(true);
  expect(moving).toMatchObject({ isOver: true });
  expect(next.error).toMatchObject({ code: 'BC_LIFECYCLE' });
  expect(control.status().state).toBe('stopped');
  expect(queues.depth('billing-group') + log.lag('billing-group', 'orders')).toBe(2); // let go of nowhere
});

test('a stop while a move waits for its new broker leaves the consumer stopped on the old one', async () => {
  const { bus, clock, start } = await openTestBus({
    consumers: [billing()],
    port: (name, port) => {
      if (name === 'kafka') port.attach = () => new Promise(() => undefined);
      return port;
    },
  });
  await start();
  const moving = watch(bus.consumer('billing').move('kafka'));
  await clock.advance(100);
  const stopping = watch(bus.consumer('billing').stop());
  await clock.advance(0);
  expect({ moved: moving.error, isStopped: stopping.isOver }).toMatchObject({
    moved: { code: 'BC_LIFECYCLE' },
    isStopped: true,
  });
  expect(bus.consumer('billing').status()).toMatchObject({ state: 'stopped', broker: 'rabbitmq' });
});

test('a start that is called during a stop follows it', async () => {
  const { bus, clock, start } = await openTestBus({ consumers: [billing()] });
  await start();
  const control = bus.consumer('billing');
  const all = Promise.all([control.stop(), control.start()]);
  await clock.advance(0);
  await all;
  expect(control.status().state).toBe('live');
});

test('a paused consumer takes nothing until it is resumed', async () => {
  const handled: number[] = [];
  const { bus, clock, names, start } = await openTestBus({
    consumers: [billing({ handle: ({ data }) => void handled.push(data.n) })],
  });
  await start();
  const control = bus.consumer('billing');
  control.pause();
  control.pause();
  await bus.publish(orders, { n: 1 });
  await clock.advance(60_000);
  expect({ handled, state: control.status().state }).toEqual({ handled: [], state: 'paused' });
  expect(bus.health().ok).toBe(true);
  control.resume();
  control.resume();
  await clock.advance(0);
  expect({ handled, state: control.status().state }).toEqual({ handled: [1], state: 'live' });
  expect(names()).toEqual(['consumer-started', 'consumer-paused', 'consumer-resumed']);
});

test('a paused consumer stays paused when it moves, and handles what it missed when it is resumed', async () => {
  const handled: string[] = [];
  const { bus, clock, start } = await openTestBus({
    consumers: [billing({ handle: ({ data }, { broker }) => void handled.push(`${data.n} ${broker}`) })],
  });
  await start();
  const control = bus.consumer('billing');
  control.pause();
  await bus.publish(orders, { n: 1 });
  await control.move('kafka');
  await bus.publish(orders, { n: 2 });
  await clock.advance(60_000);
  expect({ handled, status: control.status() }).toMatchObject({
    handled: [],
    status: { state: 'paused', broker: 'kafka' },
  });
  control.resume();
  await clock.advance(0);
  expect(handled.sort()).toEqual(['1 kafka', '2 kafka']);
});

test('a consumer that is stopped while it is paused starts live', async () => {
  const { bus, start } = await openTestBus({ consumers: [billing()] });
  await start();
  const control = bus.consumer('billing');
  control.pause();
  await control.stop();
  await control.start();
  expect(control.status().state).toBe('live');
});

test('a pause that comes while the consumer moves or starts holds afterwards; a resume takes it back', async () => {
  const gate = deferred();
  const { bus, clock, start } = await openTestBus({ consumers: [billing({ handle: () => gate.promise })] });
  await start();
  await bus.publish(orders, { n: 1 });
  await clock.advance(0);
  const control = bus.consumer('billing');
  const moving = watch(control.move('kafka'));
  await clock.advance(100);
  control.pause();
  control.resume();
  control.pause();
  gate.resolve();
  await clock.advance(100);
  expect({ isOver: moving.isOver, state: control.status().state }).toEqual({ isOver: true, state: 'paused' });
  control.resume();
  const again = Promise.all([control.stop(), control.start()]);
  control.pause(); // while it still runs: the stop takes that back
  await clock.advance(0);
  await again;
  expect(control.status().state).toBe('live');
});

test('concurrency changes take effect at once, in the pipeline and in what the broker hands over', async () => {
  const gates: Deferred[] = [];
  const capacities: Record<BrokerName, number[]> = { kafka: [], rabbitmq: [] };
  const { bus, clock, start } = await openTestBus({
    consumers: [
      billing({
        concurrency: 2,
        handle: () => {
          const gate = deferred();
          gates.push(gate);
          return gate.promise;
        },
      }),
    ],
    port: (name, port) => {
      const attach = port.attach.bind(port);
      port.attach = async (spec) => {
        capacities[name].push(spec.capacity);
        const leg: Leg = await attach(spec);
        const setCapacity = leg.setCapacity.bind(leg);
        leg.setCapacity = (capacity) => {
          capacities[name].push(capacity);
          setCapacity(capacity);
        };
        return leg;
      };
      return port;
    },
  });
  await start();
  for (let n = 0; n < 30; n += 1) await bus.publish(orders, { n });
  await clock.advance(0);
  const control = bus.consumer('billing');
  expect(control.status()).toMatchObject({ inFlight: 2, legs: { rabbitmq: { unsettled: 16 } } });
  control.setConcurrency(5);
  await clock.advance(0);
  expect(control.status()).toMatchObject({ inFlight: 5, legs: { rabbitmq: { unsettled: 30 } } });
  control.setConcurrency(1);
  for (const gate of gates.slice(0, 4)) gate.resolve();
  await clock.advance(0);
  expect(control.status().inFlight).toBe(1);
  expect(capacities).toEqual({ kafka: [16, 40, 8], rabbitmq: [16, 40, 8] }); // the draining leg's too
  for (const bad of [0, -1, 1.5, Number.NaN, '4' as never]) {
    expect(() => control.setConcurrency(bad)).toThrow(
      expect.objectContaining({ code: 'BC_DEFINITION_INVALID' }),
    );
  }
});

test('a concurrency that was set holds after a move', async () => {
  const { bus, clock, start } = await openTestBus({
    consumers: [billing({ handle: ({ data }) => (data.n < 0 ? undefined : new Promise(() => undefined)) })],
  });
  await start();
  const control = bus.consumer('billing');
  const moving = control.move('kafka');
  control.setConcurrency(3);
  await moving;
  for (let n = 0; n < 50; n += 1) await bus.publish(orders, { n });
  await clock.advance(0);
  expect(control.status()).toMatchObject({ inFlight: 3, legs: { kafka: { unsettled: 24 } } });
});

test('a leg that lost its broker shows in the state of its consumer, and it recovers by itself', async () => {
  const handled: number[] = [];
  const { bus, clock, queues, start } = await openTestBus({
    consumers: [billing({ handle: ({ data }) => void handled.push(data.n) })],
  });
  await start();
  queues.faults.goDown();
  expect(bus.consumer('billing').status().state).toBe('recovering');
  expect(bus.health().ok).toBe(false);
  queues.faults.comeUp();
  await clock.advance(10_000);
  await bus.publish(orders, { n: 1 });
  await clock.advance(0);
  expect({ handled, state: bus.consumer('billing').status().state }).toEqual({ handled: [1], state: 'live' });
});

test('a consumer that could not start when its broker came back tries again, unless waiting cannot help', async () => {
  const errors = [
    new BuscouplerError('BC_BROKER_UNAVAILABLE', 'Not yet.'),
    new BuscouplerError('BC_BROKER_UNAVAILABLE', 'Not yet.'),
  ];
  let tries = 0;
  const topic = defineTopic({ name: 'orders', policy: 'any', allowGaps: true });
  const { bus, clock, queues } = await openTestBus({
    env: { START_TIMEOUT_MS: '1000' },
    topics: [topic],
    consumers: [defineConsumer({ name: 'billing', topic, group: 'g', handle: () => undefined })],
    port: (name, port) => {
      const attach = port.attach.bind(port);
      if (name === 'rabbitmq') {
        port.attach = (spec) => {
          tries += 1;
          const error = errors.shift();
          return error === undefined ? attach(spec) : Promise.reject(error);
        };
      }
      return port;
    },
  });
  queues.faults.goDown();
  const starting = bus.start();
  await clock.advance(1_500);
  await starting;
  queues.faults.comeUp();
  await clock.advance(10_000);
  expect({ tries, state: bus.consumer('billing').status().state }).toEqual({ tries: 3, state: 'live' });
  await bus.consumer('billing').stop();
  errors.push(new BuscouplerError('BC_PERMISSION', 'May not read.'));
  await expect(bus.consumer('billing').start()).rejects.toMatchObject({ code: 'BC_PERMISSION' });
  expect(bus.consumer('billing').status()).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('May not'),
  });
});
