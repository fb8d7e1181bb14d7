import { setTimeout as pause } from 'node:timers/promises';
import type mongoose from 'mongoose';
import { createBus, createLogger, defineConsumer, loadConfig } from '../../src/index.js';
import { mongoInbox } from '../../src/mongo.js';
import { type BacklogConsumer, type Broker, fillBacklog } from '../backlog.js';
import { contest, type Side } from '../contest.js';
import { bareTransactionSide, bulkSide } from '../inbox-side.js';
import { callConcurrently, makeUsages, scatter, type Usage, usageTopic } from '../messages.js';
import { openMongodb } from '../mongodb-side.js';
import { uniqueName } from '../names.js';
import type { BenchServers, Row, RowResult } from '../row.js';

/** Bulks that the bus has on their way at a time. */
const BULKS_IN_FLIGHT = 2;
const BULK = 500;
const IN_FLIGHT = 16;

/** Handlers that wait for something else, as most do, and end in another order than they began. */
const slow: BacklogConsumer = {
  concurrency: 500,
  handle: async (arrivals, { data }) => {
    await pause(5 + (scatter(data.sequence) % 46));
    arrivals.add(data.sequence);
  },
};

function consumeSide(
  servers: BenchServers,
  { broker, how = {} }: { readonly broker: Broker; readonly how?: BacklogConsumer },
  connection: mongoose.Connection | null,
): Side {
  return {
    name: connection === null ? 'without an inbox' : 'with mongoInbox',
    open: async () => undefined,
    round: async (count) => {
      const inbox = connection === null ? null : mongoInbox(connection, { collection: uniqueName('inbox') });
      const backlog = await fillBacklog(servers, { broker, count }, inbox === null ? how : { ...how, inbox });
      const { rate } = await backlog.consume();
      await backlog.remove();
      return rate;
    },
    close: async () => undefined,
  };
}

/** From the embedded queues, a transaction with the handler's one insert each. */
function transactedSide(connection: mongoose.Connection): Side {
  const effects = connection.collection(uniqueName('effects'));
  const inbox = mongoInbox(connection);
  return {
    name: 'bus with transactions',
    open: async () => {
      await effects.createIndex({ n: 1 });
    },
    round: async (count) => {
      const topic = { ...usageTopic(uniqueName('transacted')), brokers: ['rabbitmq'] as const };
      let left = count;
      let finish = (): void => undefined;
      const done = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const consumer = defineConsumer<Usage>({
        name: 'transacted',
        topic,
        group: `${topic.name}_group`,
        concurrency: IN_FLIGHT,
        inbox: { transaction: true },
        handle: async ({ data }, { session }) => {
          await effects.insertOne({ n: data.sequence }, { session: session as mongoose.ClientSession });
          left -= 1;
          if (left === 0) finish();
        },
      });
      const bus = await createBus({
        config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
        topics: [topic],
        consumers: [consumer],
        inbox,
        logger: createLogger({ level: 'error' }),
      });
      const before = await effects.countDocuments();
      await bus.start();
      const startedMs = performance.now();
      await callConcurrently(makeUsages(count), 1_000, (usage) => bus.publish(topic, usage));
      await done;
      const rate = (count * 1_000) / (performance.now() - startedMs);
      await bus.close();
      if ((await effects.countDocuments()) - before !== count)
        throw new Error('void: not every effect is there');
      return rate;
    },
    close: async () => undefined,
  };
}

interface Setting {
  readonly name: string;
  readonly needs: Row['needs'];
  readonly count: number;
  readonly goal: number | null;
  readonly stretch: number;
}

const row = (
  { count, needs, ...setting }: Setting,
  sides: (servers: BenchServers, connection: mongoose.Connection) => { ours: Side; theirs: Side },
): Row => ({
  name: setting.name,
  needs,
  run: async (servers): Promise<RowResult> => {
    const mongodb = await openMongodb(uniqueName('inbox'));
    try {
      const { ours, theirs } = sides(servers, mongodb.connection);
      const result = await contest(ours, theirs, { rounds: 5, count });
      return { ...setting, unit: 'msg/s', ...result, lessIsBetter: false };
    } finally {
      await mongodb.close();
    }
  },
});

export const consumeInboxRows: readonly Row[] = [
  row(
    {
      name: 'inbox: consume RabbitMQ with mongoInbox / without an inbox',
      needs: 'servers',
      count: 60_000,
      goal: 0.5,
      stretch: 0.7,
    },
    (servers, connection) => ({
      ours: consumeSide(servers, { broker: 'rabbitmq' }, connection),
      theirs: consumeSide(servers, { broker: 'rabbitmq' }, null),
    }),
  ),
  row(
    {
      name: 'inbox: RabbitMQ, 500 handlers of 5 to 50 ms, with mongoInbox / without an inbox',
      needs: 'servers',
      count: 30_000,
      goal: null,
      stretch: 0,
    },
    (servers, connection) => ({
      ours: consumeSide(servers, { broker: 'rabbitmq', how: slow }, connection),
      theirs: consumeSide(servers, { broker: 'rabbitmq', how: slow }, null),
    }),
  ),
  row(
    {
      name: 'inbox: consume Kafka with mongoInbox / its claims and marks alone, in bulks of 500',
      needs: 'servers',
      count: 60_000,
      goal: 0.6,
      stretch: 0.8,
    },
    (servers, connection) => ({
      ours: consumeSide(servers, { broker: 'kafka' }, connection),
      theirs: bulkSide(mongoInbox(connection), { size: BULK, callers: BULKS_IN_FLIGHT }),
    }),
  ),
  row(
    {
      name: 'inbox: consume in transactions, 16 in flight / the same transactions bare',
      needs: 'nothing', // it brings its own MongoDB
      count: 10_000, // shorter rounds are over before the code is compiled
      goal: 0.8,
      stretch: 0.95,
    },
    (_, connection) => ({
      ours: transactedSide(connection),
      theirs: bareTransactionSide(connection),
    }),
  ),
];
