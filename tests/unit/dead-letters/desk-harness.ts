import { afterEach } from '@jest/globals';
import { createLogBroker } from '../../../src/adapters/memory/log-broker.js';
import { createQueueBroker } from '../../../src/adapters/memory/queue-broker.js';
import type { BrokerPort } from '../../../src/contract/broker.js';
import type { AnyConsumer, ConsumerOptions } from '../../../src/contract/consumer.js';
import type { DeadLetterDesk } from '../../../src/contract/dead-letter-desk.js';
import type { Inbox } from '../../../src/contract/inbox.js';
import type { BrokerName } from '../../../src/contract/message.js';
import { createLogger, loadConfig, memoryInbox, openDesk } from '../../../src/index.js';
import type { FakeClock } from '../../../src/testing/fake-clock.js';
import { billing, openTestBus, orders, type TestBus, watch } from '../bus/harness.js';

/** What a world with dead letters is made of. */
export interface DeskWorldOptions {
  readonly feed?: BrokerName;
  /** Default: a memory inbox, that of bus and desk. */
  readonly inbox?: Inbox | null;
  readonly consumer?: Partial<ConsumerOptions<{ n: number }>>;
  /** Consumers beside the one that fails. */
  readonly others?: readonly AnyConsumer[];
  readonly env?: Record<string, string>;
}

const desks: { desk: DeadLetterDesk; clock: FakeClock }[] = [];

afterEach(async () => {
  for (const { desk, clock } of desks.splice(0)) {
    const closing = desk.close();
    await clock.advance(10_000);
    await closing;
  }
});

/** Lets time pass in steps until the promise is over. */
async function passTime<Value>(clock: FakeClock, promise: Promise<Value>): Promise<Value> {
  const seen = watch(promise);
  for (let steps = 0; !seen.isOver && steps < 2_000; steps += 1) await clock.advance(250);
  if (!seen.isOver) throw new Error('It did not end within 500 s of the clock.');
  return promise;
}

/**
 * A started bus whose consumer fails as long as `isBroken`, on embedded brokers, and desks over its dead letters. Of the
 * two, one process is made: bus and desk share the inbox.
 */
export async function deskWorld(options: DeskWorldOptions = {}) {
  const state = { isBroken: true, handled: [] as { n: number; attempt: number; headers: object }[] };
  const consumer = billing({
    retry: { inline: { attempts: 1 } },
    handle: ({ data, headers }, { attempt }) => {
      // Not worth a retry: otherwise a consumer all of whose messages fail probes instead of giving them up.
      if (state.isBroken) throw Object.assign(new TypeError(`cannot book ${data.n}`), { retriable: false });
      state.handled.push({ n: data.n, attempt, headers });
    },
    ...options.consumer,
  });
  const consumers = [consumer, ...(options.others ?? [])];
  const env = { CONSUMER_BILLING_BROKER: options.feed ?? 'rabbitmq', ...options.env };
  const clockOf = { monotonicMs: (): number => world.clock.monotonicMs() };
  const inbox = options.inbox === null ? null : (options.inbox ?? memoryInbox({ clock: clockOf }));
  const world: TestBus = await openTestBus({ consumers, inbox, env });
  const { clock, log, queues } = world;
  await world.start();

  /** Opens another desk: another operator. Ports can be changed to fail. */
  const open = async (
    operator = 'desk',
    change: (name: BrokerName, port: BrokerPort) => BrokerPort = (_, port) => port,
    deskInbox: Inbox | null = inbox,
    deskEnv: Record<string, string> = {},
  ): Promise<DeadLetterDesk> => {
    const desk = await openDesk({
      config: await loadConfig({ EMBEDDED: 'true', ...env, ...deskEnv }, { file: false }),
      topics: [orders],
      consumers,
      ...(deskInbox === null ? {} : { inbox: deskInbox }),
      logger: createLogger({ level: 'silent' }),
      clock,
      random: () => 0.5,
      brokers: {
        kafka: (parts) => change('kafka', createLogBroker({ ...parts, store: log, clientId: operator })),
        rabbitmq: (parts) =>
          change('rabbitmq', createQueueBroker({ ...parts, store: queues, clientId: operator })),
      },
    });
    desks.push({ desk, clock });
    return desk;
  };
  const run = <Value>(promise: Promise<Value>): Promise<Value> => passTime(clock, promise);
  /** Publishes so many messages; while the consumer is broken each dies. */
  const publish = async (count: number, from = 0): Promise<void> => {
    for (let n = from; n < from + count; n += 1) {
      await run(world.bus.publish(orders, { n }, { id: `m${n}`, key: `k${n}` }));
      await clock.advance(10);
    }
  };
  const deadLetters = () => ({ kafka: log.read('orders_dlt'), rabbitmq: queues.read('billing-group_dlq') });
  return { ...world, state, consumer, inbox, open, run, publish, deadLetters };
}

/** What {@link deskWorld} makes. */
export type DeskWorld = Awaited<ReturnType<typeof deskWorld>>;
