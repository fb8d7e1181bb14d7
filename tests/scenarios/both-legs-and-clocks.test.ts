import { afterEach, describe, expect, test } from '@jest/globals';
import type { Clock } from '../../src/contract/clock.js';
import {
  type BrokerName,
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  type MessageBus,
  memoryInbox,
} from '../../src/index.js';
import {
  checkHistory,
  createFakeClock,
  createLogBroker,
  createLogStore,
  createQueueBroker,
  createQueueStore,
  type FakeClock,
  recordHistory,
} from '../../src/testing/index.js';

const HOUR_MS = 3_600_000;
const orders = defineTopic<{ n: number }>({ name: 'orders' });

const opened: { bus: MessageBus; clock: FakeClock }[] = [];
afterEach(async () => {
  for (const { bus, clock } of opened.splice(0)) {
    const closing = bus.close({ deadlineMs: 0 });
    await clock.advance(20_000);
    await closing;
  }
});

type Handle = (id: string, attempt: number, atMs: number) => Promise<void> | void;

/** Instances over embedded brokers and one inbox, on one clock that each may read wrongly. */
function createFleet(handle: Handle) {
  const clock = createFakeClock();
  const log = createLogStore({ clock });
  const queues = createQueueStore({ clock });
  const inbox = memoryInbox({ clock });
  const history = recordHistory();
  const consumer = history.consumer<{ n: number }>({
    name: 'billing',
    topic: orders,
    group: 'billing-group',
    retry: { inline: { attempts: 1 }, deferred: ['5s'] },
    handle: ({ id }, { attempt }) => handle(id, attempt, clock.monotonicMs()),
  });
  const open = async (broker: BrokerName, wrongByMs = 0): Promise<MessageBus> => {
    const wrong: Clock = { ...clock, epochMs: () => clock.epochMs() + wrongByMs };
    const bus = await createBus({
      config: await loadConfig({ EMBEDDED: 'true', CONSUMER_BILLING_BROKER: broker }, { file: false }),
      consumers: [defineConsumer(consumer)],
      inbox,
      logger: createLogger({ level: 'silent' }),
      clock: wrong,
      random: () => 0.5,
      brokers: {
        kafka: (parts) => createLogBroker({ ...parts, store: log }),
        rabbitmq: (parts) => createQueueBroker({ ...parts, store: queues }),
      },
    });
    opened.push({ bus, clock });
    history.watch(bus);
    const starting = bus.start();
    await clock.advance(0);
    await starting;
    return bus;
  };
  const publish = async (bus: MessageBus, id: string): Promise<void> => {
    const publishing = history.publish(bus, orders, { data: { n: 1 }, id });
    await clock.advance(0);
    await publishing;
  };
  /** Nobody reads the topic on Kafka for a consumer that RabbitMQ feeds, but the idle queue is emptied. */
  const waiting = (feed: BrokerName): number =>
    queues.depth('billing-group') + (feed === 'kafka' ? log.lag('billing-group', 'orders') : 0);
  return { clock, history, open, publish, waiting };
}

describe.each(['rabbitmq', 'kafka'] as const)('fed by %s', (broker) => {
  test('one id on both legs of an instance, and again inside it, has one effect (scenario 5)', async () => {
    let finish: () => void = () => undefined;
    const isFinished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { clock, history, open, publish, waiting } = createFleet(() => isFinished);
    const bus = await open(broker);
    for (let time = 0; time < 3; time += 1) await publish(bus, 'one');
    await clock.advance(45_000); // the other leg would have taken it over by now
    expect(bus.consumer('billing').status().legs).toMatchObject({
      kafka: expect.anything(),
      rabbitmq: expect.anything(),
    });
    expect(waiting(broker)).toBeGreaterThan(1);
    finish();
    await clock.advance(60_000);
    expect(checkHistory(history.items)).toEqual([]);
    expect(history.items.filter(({ type }) => type === 'effect')).toHaveLength(1);
    expect(waiting(broker)).toBe(0);
  });

  test('clocks that are an hour fast and slow cost no message and no second effect (scenario 12)', async () => {
    const failedAtMs = new Map<string, number>();
    const waitedMs: number[] = [];
    const { clock, history, open, publish, waiting } = createFleet((id, attempt, atMs) => {
      if (attempt > 1) waitedMs.push(atMs - (failedAtMs.get(id) ?? 0));
      else if (id.startsWith('late')) {
        failedAtMs.set(id, atMs);
        throw new Error('not yet');
      }
    });
    const fleet = [await open(broker, HOUR_MS), await open(broker, -HOUR_MS), await open(broker)];
    for (let n = 0; n < 60; n += 1)
      await publish(fleet[n % 3] as MessageBus, n % 4 === 0 ? `late-${n}` : `good-${n}`);
    await clock.advance(3 * HOUR_MS);
    history.add({ type: 'healed' });
    expect(checkHistory(history.items)).toEqual([]);
    expect(history.items.filter(({ type }) => type === 'effect')).toHaveLength(60);
    expect(waitedMs).toHaveLength(15);
    // A log has no clock but ours: a copy that a slow one dated comes early to a fast one. A queue times its copies itself.
    if (broker === 'rabbitmq') expect(Math.min(...waitedMs)).toBeGreaterThanOrEqual(5_000);
    expect(waiting(broker)).toBe(0);
  });
});
