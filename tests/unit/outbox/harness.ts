import { afterEach } from '@jest/globals';
import { createLogBroker } from '../../../src/adapters/memory/log-broker.js';
import { createLogStore } from '../../../src/adapters/memory/log-store.js';
import { createQueueBroker } from '../../../src/adapters/memory/queue-broker.js';
import { createQueueStore } from '../../../src/adapters/memory/queue-store.js';
import type { AnyConsumer } from '../../../src/contract/consumer.js';
import type { BusEventName, BusEvents } from '../../../src/contract/events.js';
import type { BrokerName } from '../../../src/contract/message.js';
import type { Outbox } from '../../../src/contract/outbox.js';
import type { AnyTopic } from '../../../src/contract/topic.js';
import {
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  type MessageBus,
} from '../../../src/index.js';
import { memoryOutbox } from '../../../src/outbox/memory-outbox.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';

export const orders = defineTopic<{ n: number; user?: string }>({
  name: 'orders',
  key: ({ user }) => user ?? null,
});

/** What one broker delivered, in order: one consumer without an inbox per broker sees every copy. */
export interface Arrival {
  readonly id: string;
  readonly n: number;
}

const BROKERS: readonly BrokerName[] = ['kafka', 'rabbitmq'];
const opened: { bus: MessageBus; clock: ReturnType<typeof createFakeClock> }[] = [];

afterEach(async () => {
  for (const { bus, clock } of opened.splice(0)) {
    const closing = bus.close({ deadlineMs: 0 });
    await clock.advance(30_000);
    await closing;
  }
});

/** Options of one bus of a fleet. */
export interface MemberOptions {
  readonly outbox?: Outbox | null;
  readonly relay?: boolean;
  /** Default `true`. */
  readonly starts?: boolean;
  readonly topics?: readonly AnyTopic[];
  readonly consumers?: readonly AnyConsumer[];
}

/** Buses over the same embedded brokers and one outbox, on one fake clock, and what arrives on each broker. */
export async function openFleet() {
  const clock = createFakeClock();
  const log = createLogStore({ clock });
  const queues = createQueueStore({ clock });
  const outbox = memoryOutbox();
  const told: { name: BusEventName; event: BusEvents[BusEventName] }[] = [];

  const open = async (options: MemberOptions = {}): Promise<MessageBus> => {
    const given = options.outbox === undefined ? outbox : options.outbox;
    const bus = await createBus({
      config: await loadConfig(
        { EMBEDDED: 'true', CONSUMER_ON_KAFKA_BROKER: 'kafka', CONSUMER_ON_RABBITMQ_BROKER: 'rabbitmq' },
        { file: false },
      ),
      topics: options.topics ?? [orders],
      consumers: [...(options.consumers ?? watchers)],
      ...(given === null ? {} : { outbox: given }),
      ...(options.relay === undefined ? {} : { relay: options.relay }),
      logger: createLogger({ level: 'silent' }),
      clock,
      random: () => 0.5,
      brokers: {
        kafka: (parts) => createLogBroker({ ...parts, store: log }),
        rabbitmq: (parts) => createQueueBroker({ ...parts, store: queues }),
      },
    });
    opened.push({ bus, clock });
    for (const name of [
      'outbox-parked',
      'outbox-lagging',
      'outbox-caught-up',
      'outbox-lost',
      'outbox-recovered',
    ] as const)
      bus.on(name, (event) => told.push({ name, event }));
    if (options.starts === false) return bus;
    const starting = bus.start();
    await clock.advance(100);
    await starting;
    return bus;
  };

  const arrived: Record<BrokerName, Arrival[]> = { kafka: [], rabbitmq: [] };
  const watchers: AnyConsumer[] = BROKERS.map((broker) =>
    defineConsumer({
      name: `on-${broker}`,
      topic: orders,
      group: `on-${broker}`,
      inbox: false,
      handle: ({ id, data }) => void arrived[broker].push({ id, n: data.n }),
    }),
  );
  const names = (): BusEventName[] => told.map(({ name }) => name);
  return { clock, log, queues, outbox, open, arrived, told, names };
}

/** What a store under test does differently, by method. */
export type Changes = Partial<{ [Name in keyof Outbox]: Outbox[Name] }>;

/** The store with some methods replaced. */
export const changed = (outbox: Outbox, changes: Changes): Outbox => ({ ...outbox, ...changes });
