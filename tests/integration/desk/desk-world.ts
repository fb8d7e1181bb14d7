import { randomBytes } from 'node:crypto';
import type mongoose from 'mongoose';
import type { BusEvents } from '../../../src/contract/events.js';
import {
  type BrokerName,
  createBus,
  createLogger,
  type DeadLetterDesk,
  defineConsumer,
  defineTopic,
  loadConfig,
  openDesk,
} from '../../../src/index.js';
import { queueOf, retryTopicOf } from '../../../src/messages/names.js';
import { mongoInbox } from '../../../src/mongo.js';
import { createRecorder } from '../../../src/testing/index.js';

/** Where the brokers of a world are. */
export interface WorldServers {
  readonly kafka: readonly string[];
  readonly rabbitmq: string;
}

/** What a world is made of. */
export interface WorldOptions {
  readonly servers: WorldServers;
  readonly feed: BrokerName;
  /** Where the inbox is; `null`: the consumer has none. */
  readonly store: mongoose.Connection | null;
  /** Takes what must be undone at the end of the test. */
  readonly undo: (teardown: () => Promise<unknown>) => void;
}

/** A message whose handler succeeded. */
export interface Handled {
  readonly n: number;
  readonly attempt: number;
  readonly headers: object;
}

const QUIET = createLogger({ level: 'silent' });

/**
 * One consumer on both real brokers that fails as long as `isBroken`, its bus started, and desks over its dead letters, each
 * as a process of its own would open it: with its own connections and its own inbox on the same store.
 */
export async function openWorld({ servers, feed, store, undo }: WorldOptions) {
  const suffix = randomBytes(5).toString('hex');
  const state = { isBroken: true };
  const handled = createRecorder<Handled>('handled messages');
  const topic = defineTopic<{ n: number }>({ name: `orders_${suffix}`, kafka: { partitions: 1 } });
  const name = `billing-${suffix}`;
  const consumer = defineConsumer<{ n: number }>({
    name,
    topic,
    group: `billing_group_${suffix}`,
    retry: { inline: { attempts: 1 } },
    handle: ({ data, headers }, { attempt }) => {
      // Not worth a retry: a consumer all of whose messages fail probes instead of giving them up.
      if (state.isBroken) throw Object.assign(new TypeError(`cannot book ${data.n}`), { retriable: false });
      handled.add({ n: data.n, attempt, headers });
    },
  });
  const partsFor = async (broker: BrokerName) => ({
    config: await loadConfig(
      {
        KAFKA_ENABLED: 'true',
        KAFKA_BROKERS: servers.kafka.join(','),
        RABBITMQ_ENABLED: 'true',
        RABBITMQ_URL: servers.rabbitmq,
        [`CONSUMER_${name.replace('-', '_').toUpperCase()}_BROKER`]: broker,
      },
      { file: false },
    ),
    topics: [topic],
    consumers: [consumer],
    ...(store === null ? {} : { inbox: mongoInbox(store) }),
    logger: QUIET,
  });
  const bus = await createBus(await partsFor(feed));
  undo(() => bus.close({ deadlineMs: 2_000 }));
  const buried = createRecorder<BusEvents['dead-lettered']>('dead letters');
  bus.on('dead-lettered', (event) => buried.add(event));
  await bus.start();

  /** Another operator, who sees the consumer fed by this broker. Default: the one that feeds it at first. */
  const open = async (fedBy = feed): Promise<DeadLetterDesk> => {
    const desk = await openDesk(await partsFor(fedBy));
    undo(() => desk.close());
    return desk;
  };
  /** Publishes so many messages, one after another, each of which dies. */
  const bury = async (count: number, from = 0): Promise<void> => {
    for (let n = from; n < from + count; n += 1) {
      await bus.publish(topic, { n }, { id: `m${n}`, key: `k${n}` });
      await buried.atLeast(n + 1);
    }
  };
  const places = { kafka: retryTopicOf(consumer, 0), rabbitmq: queueOf(consumer) };
  return { bus, topic, consumer, state, handled, buried, bury, open, places, queue: queueOf(consumer) };
}

/** What {@link openWorld} makes. */
export type World = Awaited<ReturnType<typeof openWorld>>;

/** Numbers of what was handled, ascending, each as often as it was. */
export const numbersOf = ({ handled }: World): number[] =>
  handled.items.map(({ n }) => n).sort((a, b) => a - b);

/** `m0`, `m1` and so on. */
export const idsUpTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `m${n}`);

/** Undoes what a test made, the last first. */
export function undoing() {
  const teardowns: (() => Promise<unknown>)[] = [];
  return {
    undo: (teardown: () => Promise<unknown>) => void teardowns.push(teardown),
    async run(): Promise<void> {
      for (const teardown of teardowns.splice(0).reverse()) await teardown();
    },
  };
}
