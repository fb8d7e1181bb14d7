import { expect, test } from '@jest/globals';
import type { LegSpec } from '../../../src/contract/broker.js';
import type { AnyConsumer } from '../../../src/contract/consumer.js';
import { type BrokerName, defineConsumer, defineTopic, type Inbox, memoryInbox } from '../../../src/index.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';
import { createSeededRandom } from '../../../src/testing/seeded-random.js';
import { billing, openTestBus, orders, type TestBus, type TestBusOptions, watch } from '../bus/harness.js';
import { type Deferred, deferred } from '../delivery/harness.js';

const ON_KAFKA = { CONSUMER_BILLING_BROKER: 'kafka' };

/** An inbox that says of itself that other instances share it. */
const sharedInbox = (): Inbox => ({
  ...memoryInbox({ clock: createFakeClock(), ttlMs: 30 * 86_400_000 }),
  isShared: true,
});

/** A bus whose consumer `billing` records where it ran what, as `id broker`. */
async function openRecorded(options: Omit<TestBusOptions, 'consumers'> = {}) {
  const runs: string[] = [];
  const handle: AnyConsumer['handle'] = ({ id }, { broker }) => void runs.push(`${id} ${broker}`);
  const world = await openTestBus({ ...options, consumers: [billing({ handle })] });
  return { ...world, runs };
}

/** Writes a message into the queue alone, as an earlier run or a foreign producer left it there. */
function writeToQueue({ queues }: Pick<TestBus, 'queues'>, id: string, headers: Record<string, string> = {}) {
  const message = {
    body: Buffer.from('{"n":1}'),
    headers: { ...headers, ...(id !== '' && { 'bc-id': id }) },
  };
  queues.write('', 'billing-group', { ...message, contentType: 'application/json' });
}

const RETRY = { 'bc-attempt': '2', 'bc-consumer': 'billing' };

test('after a move the old leg drains: what waits there for this consumer alone still runs', async () => {
  const world = await openRecorded();
  await world.start();
  await world.bus.consumer('billing').move('kafka');
  writeToQueue(world, 'later', RETRY);
  writeToQueue(world, 'replayed', { 'bc-replay-count': '1' });
  await world.clock.advance(0);
  expect(world.runs).toEqual(['later rabbitmq', 'replayed rabbitmq']);
  expect(world.queues.depth('billing-group')).toBe(0);
});

test('at its start it drains what an earlier run left on the other broker for this consumer alone', async () => {
  const world = await openRecorded({ env: ON_KAFKA });
  await world.start({ consume: false });
  writeToQueue(world, 'left behind', RETRY);
  await world.bus.consumer('billing').start();
  await world.clock.advance(0);
  expect(world.runs).toEqual(['left behind rabbitmq']);
  expect(world.queues.depth('billing-group')).toBe(0);
});

test('the idle queue is emptied of what the live leg settled, and of nothing else', async () => {
  const gates = new Map<string, Deferred>();
  const { bus, clock, queues, start } = await openTestBus({
    env: ON_KAFKA,
    consumers: [
      billing({
        handle: ({ id }) => {
          const gate = deferred();
          gates.set(id, gate);
          return gate.promise;
        },
      }),
    ],
  });
  await start();
  await bus.publish(orders, { n: 1 }, { id: 'one' });
  await bus.publish(orders, { n: 2 }, { id: 'two' });
  await clock.advance(20_000);
  expect(queues.depth('billing-group')).toBe(2);
  gates.get('two')?.resolve();
  await clock.advance(300);
  expect(queues.read('billing-group').map(({ id }) => id)).toEqual(['one']);
  gates.get('one')?.resolve();
  await clock.advance(300);
  expect(queues.depth('billing-group')).toBe(0);
});

test('a message that reached the other broker alone runs after 30 s, and at once when nothing identifies it', async () => {
  const world = await openRecorded({ env: ON_KAFKA, inbox: sharedInbox() });
  await world.start();
  writeToQueue(world, 'half published');
  writeToQueue(world, '');
  await world.clock.advance(29_000);
  expect(world.runs).toEqual([expect.stringMatching(/ rabbitmq$/)]);
  await world.clock.advance(2_000);
  expect(world.runs.slice(1)).toEqual(['half published rabbitmq']);
  expect(world.queues.depth('billing-group')).toBe(0);
});

test('a live broker that goes down does not keep messages: the other leg runs them, and each runs once', async () => {
  const topic = defineTopic<{ n: number; user?: string }>({
    name: 'orders',
    policy: 'any',
    allowGaps: true,
  });
  const runs: string[] = [];
  const world = await openTestBus({
    env: ON_KAFKA,
    inbox: sharedInbox(),
    topics: [topic],
    consumers: [billing({ topic, handle: ({ id }, { broker }) => void runs.push(`${id} ${broker}`) })],
  });
  await world.start();
  world.log.faults.goDown();
  const publishing = watch(world.bus.publish(topic, { n: 1 }, { id: 'one' }));
  await world.clock.advance(35_000);
  expect({ runs, error: publishing.error }).toEqual({ runs: ['one rabbitmq'], error: undefined });
  world.log.faults.comeUp();
  await world.clock.advance(120_000);
  expect(runs).toEqual(['one rabbitmq']);
});

test('with an inbox of one process, copies that it does not know are never run; they go back once, and it says so', async () => {
  const world = await openRecorded({ env: ON_KAFKA });
  await world.start();
  writeToQueue(world, 'of another instance');
  await world.clock.advance(599_000);
  expect(world.bus.consumer('billing').status().legs.rabbitmq).toMatchObject({
    state: 'draining',
    unsettled: 1,
  });
  await world.clock.advance(60_000);
  expect(world.runs).toEqual([]);
  expect(world.queues.depth('billing-group')).toBe(1);
  expect(world.bus.consumer('billing').status()).toMatchObject({
    state: 'live',
    legs: { rabbitmq: { state: 'recovering', reason: expect.stringContaining('not known to the inbox') } },
  });
  const warnings = world.told.filter(({ name }) => name === 'warning');
  expect(warnings).toEqual([
    { name: 'warning', event: { what: expect.stringContaining('reads rabbitmq no more for now') } },
  ]);
  await world.bus.publish(orders, { n: 1 }, { id: 'of another instance' }); // the live leg settles it after all
  await world.clock.advance(30_000);
  expect(world.runs).toEqual(['of another instance kafka']);
  expect(world.queues.depth('billing-group')).toBe(0);
});

test('a leg that an outage of a shared inbox cost comes back when the inbox answers', async () => {
  const inbox = sharedInbox();
  const { areSettled } = inbox;
  let isDown = true;
  const world = await openRecorded({
    env: ON_KAFKA,
    inbox: {
      ...inbox,
      areSettled: (consumer, copies) => {
        if (isDown) throw new Error('no primary');
        return areSettled(consumer, copies);
      },
    },
  });
  await world.start();
  writeToQueue(world, 'half published');
  await world.clock.advance(700_000);
  expect(world.bus.consumer('billing').status().legs.rabbitmq).toMatchObject({ state: 'recovering' });
  isDown = false;
  await world.clock.advance(25_000);
  expect(world.runs).toEqual([]);
  await world.clock.advance(20_000);
  expect(world.runs).toEqual(['half published rabbitmq']);
});

test.each([
  ['memory', undefined],
  ['shared', sharedInbox()],
])(
  'a consumer with a %s inbox moves back and forth under traffic, with messages of each kind: nothing lost, nothing twice',
  async (_, inbox) => {
    const handled: string[] = [];
    const world: TestBus = await openTestBus({
      ...(inbox === undefined ? {} : { inbox }),
      consumers: [
        billing({
          handle: async ({ id, data }) => {
            await new Promise<void>((resolve) => void world.clock.schedule(resolve, 1 + (data.n % 7)));
            handled.push(id);
          },
        }),
      ],
    });
    await world.start();
    const random = createSeededRandom(5);
    const expected: string[] = [];
    const control = world.bus.consumer('billing');
    for (let round = 0; round < 16; round += 1) {
      const moving = watch(control.move(round % 2 === 0 ? 'kafka' : 'rabbitmq'));
      for (let n = 0; n < 5 + Math.floor(random() * 20); n += 1) {
        const id = `id-${expected.length}`;
        expected.push(id);
        if (random() < 0.2) writeToQueue(world, id, RETRY);
        else await world.bus.publish(orders, { n, user: `user-${n % 3}` }, { id });
        if (random() < 0.2) await world.clock.advance(1);
      }
      await world.clock.advance(Math.floor(random() * 300));
      expect(moving.error).toBeUndefined();
    }
    await world.clock.advance(60_000);
    expect([...handled].sort()).toEqual([...expected].sort());
    expect(world.queues.depth('billing-group')).toBe(0);
  },
);

test('a broker that is away at the start costs the consumer nothing; its leg joins when the broker is there', async () => {
  const topic = defineTopic({ name: 'orders', policy: 'any', allowGaps: true });
  const runs: string[] = [];
  const world = await openTestBus({
    env: { ...ON_KAFKA, START_TIMEOUT_MS: '1000' },
    topics: [topic],
    consumers: [
      defineConsumer({
        name: 'billing',
        topic,
        group: 'billing-group',
        handle: ({ id }) => void runs.push(id),
      }),
    ],
  });
  world.queues.faults.goDown();
  const starting = world.bus.start();
  await world.clock.advance(1_500);
  await starting;
  expect(world.bus.consumer('billing').status()).toMatchObject({
    state: 'live',
    legs: { kafka: { state: 'live' }, rabbitmq: { state: 'recovering', unsettled: 0 } },
  });
  world.queues.faults.comeUp();
  await world.clock.advance(10_000);
  writeToQueue(world, 'later', RETRY);
  await world.clock.advance(0);
  expect(runs).toEqual(['later']);
  expect(world.bus.health().ok).toBe(true);
});

test('a leg that cannot be attached is tried again, and told of once', async () => {
  let isBroken = true;
  const world = await openRecorded({
    env: ON_KAFKA,
    port: (name, port) => {
      const attach = port.attach.bind(port);
      if (name === 'rabbitmq')
        port.attach = (spec) => (isBroken ? Promise.reject(new Error('no channel')) : attach(spec));
      return port;
    },
  });
  await world.start();
  await world.clock.advance(100_000);
  expect(world.bus.consumer('billing').status()).toMatchObject({
    state: 'live',
    legs: { rabbitmq: { state: 'recovering', reason: 'no channel' } },
  });
  expect(world.names().filter((name) => name === 'warning')).toHaveLength(1);
  isBroken = false;
  await world.clock.advance(60_000);
  expect(world.bus.consumer('billing').status().legs.rabbitmq?.state).toBe('draining');
});

test('health shows both legs, and what waits on each', async () => {
  const world = await openRecorded({ env: ON_KAFKA });
  await world.start();
  expect(world.bus.consumer('billing').status()).toEqual({
    state: 'live',
    broker: 'kafka',
    inFlight: 0,
    legs: {
      kafka: { state: 'live', unsettled: 0, waiting: 0 },
      rabbitmq: { state: 'draining', unsettled: 0, waiting: 0 },
    },
  });
  expect(world.bus.health().ok).toBe(true);
});

test('only a consumer with an inbox, of a topic that is on both brokers, has a second leg', async () => {
  const attached: Record<BrokerName, LegSpec['role'][]> = { kafka: [], rabbitmq: [] };
  const port: TestBusOptions['port'] = (name, one) => {
    const attach = one.attach.bind(one);
    one.attach = (spec) => {
      attached[name].push(spec.role);
      return attach(spec);
    };
    return one;
  };
  const single = defineTopic({ name: 'single', brokers: ['rabbitmq'] });
  const of = (name: string, topic: AnyConsumer['topic']) =>
    defineConsumer({ name, topic, group: `${name}-group`, handle: () => undefined });
  await (await openTestBus({ port, consumers: [billing({ inbox: false })] })).start();
  await (await openTestBus({ port, inbox: null, consumers: [billing()] })).start();
  await (await openTestBus({ port, topics: [single], consumers: [of('one', single)] })).start();
  expect(attached).toEqual({ kafka: [], rabbitmq: [undefined, undefined, undefined] });
  await (await openTestBus({ port, consumers: [billing()] })).start();
  expect(attached.kafka).toEqual(['draining']);
});

test('a pause holds both legs, a long one gives the held copies back, and a resume goes on with all', async () => {
  const world = await openRecorded({ env: ON_KAFKA, inbox: sharedInbox() });
  await world.start();
  const control = world.bus.consumer('billing');
  writeToQueue(world, 'half published');
  await world.clock.advance(0);
  control.pause();
  writeToQueue(world, 'later', RETRY);
  await world.clock.advance(3_600_000);
  expect({ runs: world.runs, state: control.status().state }).toEqual({ runs: [], state: 'paused' });
  control.resume();
  await world.clock.advance(0);
  expect(world.runs).toEqual(['later rabbitmq']);
  await world.clock.advance(31_000);
  expect(world.runs).toEqual(['later rabbitmq', 'half published rabbitmq']);
});

test('a pause lasts across a move on both legs', async () => {
  const world = await openRecorded();
  await world.start();
  const control = world.bus.consumer('billing');
  control.pause();
  await control.move('kafka');
  writeToQueue(world, 'later', RETRY);
  await world.clock.advance(1_000);
  expect(world.runs).toEqual([]);
  expect(control.status().legs).toMatchObject({ kafka: { state: 'paused' }, rabbitmq: { state: 'paused' } });
  control.resume();
  await world.clock.advance(0);
  expect(world.runs).toEqual(['later rabbitmq']);
});

test('closing ends both legs within its deadline and counts what both leave', async () => {
  const { bus, clock, queues, told, start } = await openTestBus({
    env: ON_KAFKA,
    consumers: [billing({ handle: () => new Promise(() => undefined) })],
  });
  await start();
  await bus.publish(orders, { n: 1 }, { id: 'one' });
  writeToQueue({ queues }, 'later', RETRY);
  await clock.advance(0);
  const closing = watch(bus.close({ deadlineMs: 2_000 }));
  await clock.advance(2_000);
  // One on the log; on the queue its copy and the retry.
  expect(closing.value).toEqual({ publishes: 0, deliveries: 3 });
  const event = { consumer: 'billing', broker: 'kafka', unsettled: 1 };
  expect(told.filter(({ name }) => name === 'consumer-stopped')).toEqual([
    { name: 'consumer-stopped', event },
  ]);
  expect(queues.depth('billing-group')).toBe(2);
  await clock.advance(60_000);
  expect(clock.pendingTimers).toBe(0);
});

test('a stop lets go of the copies of what was just settled, so that the next run does not meet them', async () => {
  const world = await openRecorded({ env: ON_KAFKA });
  await world.start();
  await world.bus.publish(orders, { n: 1 });
  await world.clock.advance(0);
  expect(world.queues.depth('billing-group')).toBe(1);
  await world.bus.consumer('billing').stop();
  expect(world.queues.depth('billing-group')).toBe(0);
});

test('a handler that a move leaves without its leg goes on; its message is not run again', async () => {
  const gate = deferred();
  const runs: string[] = [];
  const world = await openTestBus({
    env: ON_KAFKA,
    consumers: [
      billing({
        handle: ({ id }, { broker }) => {
          runs.push(`${id} ${broker}`);
          return id === 'later' ? gate.promise : undefined;
        },
      }),
    ],
  });
  await world.start();
  writeToQueue(world, 'later', RETRY);
  await world.clock.advance(0);
  const moving = watch(world.bus.consumer('billing').move('rabbitmq'));
  await world.clock.advance(9_000);
  expect(moving.isOver).toBe(false);
  await world.clock.advance(2_000);
  expect(moving.isOver).toBe(true);
  gate.resolve();
  await world.clock.advance(5_000);
  expect(runs).toEqual(['later rabbitmq']);
  expect(world.queues.depth('billing-group')).toBe(0);
});

test('a stop during a move does not wait for the leg that leaves', async () => {
  const world = await openTestBus({
    env: ON_KAFKA,
    consumers: [billing({ handle: () => new Promise(() => undefined) })],
  });
  await world.start();
  writeToQueue(world, 'later', RETRY);
  await world.clock.advance(0);
  const moving = watch(world.bus.consumer('billing').move('rabbitmq'));
  const stopping = watch(world.bus.consumer('billing').stop({ deadlineMs: 500 }));
  await world.clock.advance(3_000);
  expect([stopping.isOver, stopping.error]).toEqual([true, undefined]);
  expect(moving.error).toMatchObject({ code: 'BC_LIFECYCLE' });
  expect(world.queues.depth('billing-group')).toBe(1);
});

/** A bus whose broker takes one leg at a time, and the first one, the draining leg, only when the test says so. */
async function openSlowQueues() {
  const slow = deferred();
  const world = await openRecorded({
    env: ON_KAFKA,
    port: (name, port) => {
      if (name !== 'rabbitmq') return port;
      const attach = port.attach.bind(port);
      let isTaken = false;
      port.attach = async (spec) => {
        if (isTaken) throw new Error('there is a leg already');
        isTaken = true;
        if (spec.role === 'draining') await slow.promise;
        const leg = await attach(spec);
        const detach = leg.detach.bind(leg);
        leg.detach = async (options) => {
          await detach(options);
          isTaken = false;
        };
        return leg;
      };
      return port;
    },
  });
  await world.start();
  return { ...world, slow };
}

test('a move to a broker whose draining leg still attaches waits until that is out of the way', async () => {
  const { bus, clock, slow } = await openSlowQueues();
  const moving = watch(bus.consumer('billing').move('rabbitmq'));
  await clock.advance(5_000);
  expect(moving.isOver).toBe(false);
  expect(bus.consumer('billing').status().legs.kafka?.state).toBe('live');
  slow.resolve();
  await clock.advance(0);
  expect(moving).toMatchObject({ isOver: true });
  expect(bus.consumer('billing').status()).toMatchObject({
    state: 'live',
    legs: { rabbitmq: { state: 'live' }, kafka: { state: 'draining' } },
  });
});

test('a stop does not wait for a draining leg that still attaches, a start on its broker does', async () => {
  const { bus, clock, slow } = await openSlowQueues();
  const control = bus.consumer('billing');
  const moving = watch(control.move('rabbitmq'));
  await clock.advance(0);
  const stopping = watch(control.stop());
  await clock.advance(0);
  expect([moving.error, stopping.isOver]).toEqual([expect.objectContaining({ code: 'BC_LIFECYCLE' }), true]);
  await control.move('rabbitmq');
  const starting = watch(control.start());
  await clock.advance(0);
  expect(starting.isOver).toBe(false);
  slow.resolve();
  await clock.advance(0);
  expect(control.status()).toMatchObject({ state: 'live', broker: 'rabbitmq' });
});
