import { expect, test } from '@jest/globals';
import type { BrokerPort, LegSpec } from '../../../src/contract/broker.js';
import { HELD_IN_TROUBLE, HOLD_MAX_MS, HoldLimit } from '../../../src/handover/hold-limit.js';
import { type BrokerName, type Inbox, memoryInbox } from '../../../src/index.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';
import { billing, openTestBus, orders, type TestBus, type TestBusOptions } from '../bus/harness.js';

const MINUTE = 60_000;

/** A limit on a fake clock, and when it said what. */
function openLimit() {
  const clock = createFakeClock();
  const told: string[] = [];
  const tell = (what: string) => () => void told.push(`${what} ${clock.monotonicMs() / MINUTE}`);
  return { clock, told, limit: new HoldLimit({ clock, onDue: tell('due'), onOver: tell('over') }) };
}

test('what is held goes back after 10 min of trouble, and the few that are held then every 25 min', async () => {
  const { clock, told, limit } = openLimit();
  limit.update(true);
  limit.update(true);
  await clock.advance(61 * MINUTE);
  expect({ told, isCautious: limit.isCautious }).toEqual({
    told: ['due 10', 'due 35', 'due 60'],
    isCautious: true,
  });
  limit.update(false);
  await clock.advance(MINUTE);
  expect({ last: told.at(-1), isCautious: limit.isCautious }).toEqual({
    last: 'over 61.5',
    isCautious: false,
  });
  expect(clock.pendingTimers).toBe(0);
});

test('trouble that ends before is forgotten; trouble that comes back within 30 s is the same', async () => {
  const { clock, told, limit } = openLimit();
  for (let round = 0; round < 5; round += 1) {
    limit.update(true);
    await clock.advance(9 * MINUTE);
    limit.update(false);
    await clock.advance(MINUTE);
  }
  expect(told).toEqual([]);
  for (let round = 0; round < 4; round += 1) {
    limit.update(true);
    await clock.advance(9 * MINUTE);
    limit.update(false);
    await clock.advance(20_000);
  }
  expect(told.map((one) => one.split('.')[0])).toEqual(['due 60', 'due 85']);
});

test('an end stops it in the middle of trouble', async () => {
  const { clock, told, limit } = openLimit();
  limit.update(true);
  limit.end();
  await clock.advance(HOLD_MAX_MS * 10);
  expect({ told, timers: clock.pendingTimers }).toEqual({ told: [], timers: 0 });
});

/** Counts the attaches of each broker and the capacity that each leg has at the end. */
function watchLegs() {
  const attached: Record<BrokerName, number> = { kafka: 0, rabbitmq: 0 };
  const capacity: Partial<Record<BrokerName, number>> = {};
  const port = (name: BrokerName, one: BrokerPort): BrokerPort => {
    const attach = one.attach.bind(one);
    one.attach = async (spec: LegSpec) => {
      attached[name] += 1;
      capacity[name] = spec.capacity;
      const leg = await attach(spec);
      const setCapacity = leg.setCapacity.bind(leg);
      leg.setCapacity = (next) => {
        capacity[name] = next;
        setCapacity(next);
      };
      return leg;
    };
    return one;
  };
  return { attached, capacity, port };
}

/** A bus whose consumer works only while its database is there, on brokers whose legs are counted. */
async function openService(options: Omit<TestBusOptions, 'consumers' | 'port'> = {}) {
  const legs = watchLegs();
  const database = { isDown: true, poison: new Set<string>() };
  const handled: string[] = [];
  const world = await openTestBus({
    ...options,
    port: legs.port,
    consumers: [
      billing({
        concurrency: 4,
        retry: { inline: { attempts: 1 }, deferred: ['5s'] },
        handle: async ({ id }) => {
          if (database.isDown || database.poison.has(id)) throw new Error('database is down');
          handled.push(id);
        },
      }),
    ],
  });
  await world.start();
  return { ...world, ...legs, database, handled };
}

async function publish({ bus }: Pick<TestBus, 'bus'>, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => `id-${n}`);
  for (const [n, id] of ids.entries()) await bus.publish(orders, { n, user: `user-${n}` }, { id });
  return ids;
}

/** How many messages of the queue went back to it so many times at least. */
const returned = ({ queues }: Pick<TestBus, 'queues'>, times: number): number =>
  queues.read('billing-group').filter(({ headers }) => Number(headers['x-delivery-count'] ?? 0) >= times)
    .length;

test('a queue gets back once what a failing consumer holds, which then holds few, and takes all when it works again', async () => {
  const world = await openService();
  const ids = await publish(world, 60);
  await world.clock.advance(9 * MINUTE);
  expect([world.attached.rabbitmq, world.capacity.rabbitmq, returned(world, 1)]).toEqual([1, 32, 0]);
  await world.clock.advance(24 * MINUTE);
  expect([world.attached.rabbitmq, world.capacity.rabbitmq]).toEqual([2, HELD_IN_TROUBLE]);
  expect([returned(world, 1), returned(world, 2)]).toEqual([32, 0]);
  expect(world.bus.consumer('billing').status()).toMatchObject({
    state: 'recovering',
    reason: expect.stringContaining('Everything fails'),
    legs: { rabbitmq: { state: 'live', unsettled: HELD_IN_TROUBLE } },
  });
  await world.clock.advance(2 * MINUTE + 5_000);
  expect(world.attached.rabbitmq).toBe(3);
  expect(returned(world, 2)).toBeLessThanOrEqual(HELD_IN_TROUBLE);
  world.database.isDown = false;
  await world.clock.advance(2 * MINUTE);
  expect([...world.handled].sort()).toEqual([...ids].sort());
  expect([world.attached.rabbitmq, world.capacity.rabbitmq]).toEqual([3, 32]);
  expect(world.bus.consumer('billing').status().state).toBe('live');
});

test('a bad message among the few that are held does not hide that the consumer works again', async () => {
  const world = await openService();
  const ids = await publish(world, 60);
  await world.clock.advance(20 * MINUTE);
  const [head] = world.queues.read('billing-group');
  world.database.poison.add(String(head?.headers['bc-id']));
  world.database.isDown = false;
  await world.clock.advance(5 * MINUTE);
  expect(world.handled).toHaveLength(ids.length - 1);
});

test('an inbox that does not answer has the queue get back once what is held, and nothing is lost or run twice', async () => {
  const inbox = memoryInbox();
  let isDown = true;
  const claim: Inbox['claim'] = (...given) => {
    if (isDown) throw new Error('no primary');
    return inbox.claim(...given);
  };
  const world = await openService({ inbox: { ...inbox, claim } });
  world.database.isDown = false;
  const ids = await publish(world, 60);
  await world.clock.advance(30 * MINUTE);
  expect([world.attached.rabbitmq, world.capacity.rabbitmq]).toEqual([2, HELD_IN_TROUBLE]);
  expect(world.handled).toEqual([]);
  isDown = false;
  await world.clock.advance(2 * MINUTE);
  expect([...world.handled].sort()).toEqual([...ids].sort());
  expect(world.capacity.rabbitmq).toBe(32);
});

test('a log takes nothing back for it: its leg stays, and the leg that drains the queue gives back what it holds', async () => {
  const world = await openService({ env: { CONSUMER_BILLING_BROKER: 'kafka' } });
  await publish(world, 60);
  await world.clock.advance(MINUTE);
  for (let n = 0; n < 20; n += 1) {
    const headers = { 'bc-id': `later-${n}`, 'bc-attempt': '2', 'bc-consumer': 'billing' };
    world.queues.write('', 'billing-group', { body: Buffer.from('{"n":1}'), headers });
  }
  await world.clock.advance(20 * MINUTE);
  expect([world.attached, world.capacity]).toEqual([
    { kafka: 1, rabbitmq: 2 },
    { kafka: 32, rabbitmq: HELD_IN_TROUBLE },
  ]);
  world.database.isDown = false;
  await world.clock.advance(2 * MINUTE);
  expect(world.handled.filter((id) => id.startsWith('later'))).toHaveLength(20);
  expect(new Set(world.handled).size).toBe(80);
  expect(world.handled).toHaveLength(80);
  expect([world.attached.kafka, world.capacity]).toEqual([1, { kafka: 32, rabbitmq: 32 }]);
});

test('a pause lasts across a return, and a stop in the middle of one ends the consumer', async () => {
  const world = await openService();
  await publish(world, 60);
  await world.clock.advance(5 * MINUTE);
  const control = world.bus.consumer('billing');
  control.pause();
  await world.clock.advance(6 * MINUTE);
  expect([control.status().state, world.attached.rabbitmq]).toEqual(['paused', 2]);
  control.resume();
  await world.clock.advance(24 * MINUTE + 500);
  const stopping = control.stop({ deadlineMs: 0 });
  await world.clock.advance(5_000);
  await stopping;
  expect(control.status().state).toBe('stopped');
  expect(returned(world, 2)).toBeLessThanOrEqual(HELD_IN_TROUBLE);
});
