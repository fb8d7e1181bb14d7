import { afterEach } from '@jest/globals';
import { createLogBroker } from '../../../src/adapters/memory/log-broker.js';
import { createLogStore } from '../../../src/adapters/memory/log-store.js';
import { createQueueBroker } from '../../../src/adapters/memory/queue-broker.js';
import { createQueueStore } from '../../../src/adapters/memory/queue-store.js';
import type { BrokerPort } from '../../../src/contract/broker.js';
import type { AnyConsumer, ConsumerOptions } from '../../../src/contract/consumer.js';
import type { BusEventName, BusEvents } from '../../../src/contract/events.js';
import type { Inbox } from '../../../src/contract/inbox.js';
import type { BrokerName } from '../../../src/contract/message.js';
import type { AnyTopic } from '../../../src/contract/topic.js';
import {
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  type MessageBus,
  memoryInbox,
} from '../../../src/index.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';

/** An event as the bus told it. */
export type Told = { [Name in BusEventName]: { name: Name; event: BusEvents[Name] } }[BusEventName];

const EVENTS: readonly BusEventName[] = [
  'broker-degraded',
  'consumer-started',
  'consumer-stopped',
  'consumer-paused',
  'consumer-resumed',
  'consumer-moving',
  'consumer-moved',
  'consumer-move-refused',
  'attempt-failed',
  'retry-stored',
  'retry-store-failed',
  'dead-lettered',
  'dead-letter-failed',
  'dropped',
  'copy-pending',
  'copy-stored',
  'copy-lost',
  'warning',
];

export const orders = defineTopic<{ n: number; user?: string }>({
  name: 'orders',
  key: ({ user }) => user ?? null,
});

/** A consumer of `orders` that records nothing and fails never, unless told otherwise. */
export const billing = (options: Partial<ConsumerOptions<{ n: number }>> = {}): AnyConsumer =>
  defineConsumer({
    name: 'billing',
    topic: orders,
    group: 'billing-group',
    handle: () => undefined,
    ...options,
  });

/** What a bus under test is made of. */
export interface TestBusOptions {
  readonly env?: Record<string, string>;
  readonly file?: string | false;
  readonly topics?: readonly AnyTopic[];
  readonly consumers?: readonly AnyConsumer[];
  readonly lateConsumers?: boolean;
  /** Default: a memory inbox. */
  readonly inbox?: Inbox | null;
  /** Another bus, whose clock and brokers this one shares: the process was started again. */
  readonly after?: Pick<TestBus, 'clock' | 'log' | 'queues'>;
  /** Changes a port after it was made. */
  readonly port?: (name: BrokerName, port: BrokerPort) => BrokerPort;
}

const opened: { bus: MessageBus; clock: ReturnType<typeof createFakeClock> }[] = [];

afterEach(async () => {
  for (const { bus, clock } of opened.splice(0)) {
    const closing = bus.close({ deadlineMs: 0 });
    await clock.advance(20_000);
    await closing;
  }
});

/** What {@link openTestBus} opens. */
export interface TestBus {
  readonly bus: MessageBus;
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly log: ReturnType<typeof createLogStore>;
  readonly queues: ReturnType<typeof createQueueStore>;
  readonly told: Told[];
  names(): BusEventName[];
  /** Starts and lets everything that is due at once happen. */
  start(options?: { consume?: boolean }): Promise<void>;
}

/** A bus on a fake clock over an embedded log and embedded queues that the test holds. */
export async function openTestBus(options: TestBusOptions = {}): Promise<TestBus> {
  const clock = options.after?.clock ?? createFakeClock();
  const log = options.after?.log ?? createLogStore({ clock });
  const queues = options.after?.queues ?? createQueueStore({ clock });
  const change = options.port ?? ((_, port) => port);
  const bus = await createBus({
    config: await loadConfig({ EMBEDDED: 'true', ...options.env }, { file: options.file ?? false }),
    topics: options.topics ?? [orders],
    consumers: options.consumers ?? [],
    lateConsumers: options.lateConsumers ?? false,
    ...(options.inbox === null ? {} : { inbox: options.inbox ?? memoryInbox({ clock }) }),
    logger: createLogger({ level: 'silent' }),
    clock,
    random: () => 0.5,
    brokers: {
      kafka: (parts) => change('kafka', createLogBroker({ ...parts, store: log })),
      rabbitmq: (parts) => change('rabbitmq', createQueueBroker({ ...parts, store: queues })),
    },
  });
  opened.push({ bus, clock });
  const told: Told[] = [];
  for (const name of EVENTS) bus.on(name, (event) => told.push({ name, event } as Told));
  const names = (): BusEventName[] => told.map(({ name }) => name);
  const start = async (startOptions?: { consume?: boolean }): Promise<void> => {
    const starting = bus.start(startOptions);
    starting.catch(() => undefined);
    await clock.advance(0);
    await starting;
  };
  return { bus, clock, log, queues, told, names, start };
}

/** How a promise ended, without waiting for it in the test. */
export function watch<Value>(promise: Promise<Value>) {
  const seen: { value?: Value; error?: unknown; isOver: boolean } = { isOver: false };
  promise.then(
    (value) => Object.assign(seen, { value, isOver: true }),
    (error: unknown) => Object.assign(seen, { error, isOver: true }),
  );
  return seen;
}
