import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import {
  type BusEvents,
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  type MessageBus,
} from '../../../src/index.js';
import { mongoInbox } from '../../../src/mongo.js';
import { copyOf } from '../../support/inbox/copy-of.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type MongodbServer, startMongodb } from '../../support/servers/mongodb.js';
import { connectMongoose, openInbox } from './mongo-store.js';

type Options = Partial<Parameters<typeof defineConsumer<{ n: number }>>[0]>;

const orders = defineTopic<{ n: number }>({ name: 'orders' });

describeWithServers('effects in transactions with the inbox', { own: ['mongodb'] }, () => {
  let server: MongodbServer;
  let connection: mongoose.Connection;
  const buses: MessageBus[] = [];
  let made = 0;
  beforeAll(async () => {
    server = await startMongodb(); // its own: its settings are changed
    connection = await connectMongoose(server.url);
  }, 60_000);
  afterEach(async () => {
    await Promise.all(buses.splice(0).map((bus) => bus.close()));
  });
  afterAll(async () => {
    await connection?.dropDatabase();
    await connection?.close();
    await server?.dispose();
  });

  /** Effects of one test, with a unique index on `n`, and the inbox that its buses share. */
  async function createScene() {
    made += 1;
    const effects = connection.collection(`effects_${made}`);
    await effects.createIndex({ n: 1 }, { unique: true });
    const collection = `inbox_${made}`;
    const told: BusEvents['attempt-failed'][] = [];
    const letters: BusEvents['dead-lettered'][] = [];
    const done: string[] = [];
    const open = async (options: Options): Promise<MessageBus> => {
      const consumer = defineConsumer<{ n: number }>({
        name: 'billing',
        topic: orders,
        group: 'billing-group',
        inbox: { transaction: true },
        retry: { inline: { attempts: 3, backoff: { initialMs: 1 } } },
        handle: () => undefined,
        ...options,
      });
      const bus = await createBus({
        config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
        topics: [orders],
        consumers: [consumer],
        inbox: mongoInbox(connection, { collection }),
        logger: createLogger({ level: 'silent' }),
      });
      bus.on('attempt-failed', (event) => told.push(event));
      bus.on('dead-lettered', (event) => letters.push(event));
      buses.push(bus);
      await bus.start();
      return bus;
    };
    const records = connection.collection(collection);
    const settled = async (id: string): Promise<string | undefined> =>
      (await records.findOne({ _id: `billing/0/${id}` as never }))?.state;
    return { effects, told, letters, done, open, settled, collection };
  }

  /** Nothing that the bus took is unsettled any more. */
  async function untilSettled(bus: MessageBus): Promise<void> {
    for (;;) {
      const { inFlight, legs } = bus.consumer('billing').status();
      const rest = Object.values(legs).some((leg) => leg.unsettled > 0 || (leg.waiting ?? 0) > 0);
      if (inFlight === 0 && !rest) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  test('C40 one id in a hundred concurrent deliveries on two instances has one effect', async () => {
    const { effects, open, told } = await createScene();
    const handle: Options['handle'] = async ({ data }, { session }) => {
      await effects.insertOne(
        { n: data.n, at: Math.random() },
        { session: session as mongoose.ClientSession },
      );
    };
    const pair = [await open({ handle }), await open({ handle })];
    const publishes = pair.flatMap((bus) =>
      Array.from({ length: 50 }, () => bus.publish(orders, { n: 1 }, { id: 'one' })),
    );
    await Promise.all(publishes);
    await Promise.all(pair.map(untilSettled));
    expect(await effects.countDocuments()).toBe(1);
    expect(told).toEqual([]);
  });

  test('C41 an effect that was committed before its owner died is settled without a second one', async () => {
    const { effects, open, collection } = await createScene();
    const dead = await openInbox(connection, { collection });
    await dead.claim('billing', [copyOf('one')], 'dead');
    const transaction = await dead.transactions.begin('billing', copyOf('one'), 'dead');
    await effects.insertOne({ n: 1 }, { session: transaction?.session as mongoose.ClientSession });
    await transaction?.commit(new AbortController().signal);
    let runs = 0;
    const bus = await open({
      handle: () => {
        runs += 1;
      },
    });
    await bus.publish(orders, { n: 1 }, { id: 'one' });
    await untilSettled(bus);
    expect({ runs, effects: await effects.countDocuments() }).toEqual({ runs: 0, effects: 1 });
  });

  test('C42 an effect that was undone leaves no record of being done, and is tried again', async () => {
    const { effects, open, settled, told } = await createScene();
    const seen: unknown[] = [];
    const bus = await open({
      handle: async ({ data }, { session, attempt }) => {
        seen.push({ attempt, effects: await effects.countDocuments(), state: await settled('one') });
        await effects.insertOne({ n: data.n }, { session: session as mongoose.ClientSession });
        if (attempt < 3) throw new Error('undone');
      },
    });
    await bus.publish(orders, { n: 1 }, { id: 'one' });
    await untilSettled(bus);
    expect(seen).toEqual([1, 2, 3].map((attempt) => ({ attempt, effects: 0, state: 'claimed' })));
    expect(told).toHaveLength(2);
    expect({ effects: await effects.countDocuments(), state: await settled('one') }).toEqual({
      effects: 1,
      state: 'done',
    });
  });

  test('transactions that the server undoes for a conflict are repeated and not counted', async () => {
    const { effects, open, told } = await createScene();
    await effects.insertOne({ n: 0, sum: 0 });
    let runs = 0;
    const bus = await open({
      ordering: 'none',
      handle: async (_, { session }) => {
        runs += 1;
        await effects.findOne({ n: 0 }, { session: session as mongoose.ClientSession });
        await effects.updateOne(
          { n: 0 },
          { $inc: { sum: 1 } },
          { session: session as mongoose.ClientSession },
        );
      },
    });
    await Promise.all(Array.from({ length: 20 }, (_, n) => bus.publish(orders, { n })));
    await untilSettled(bus);
    expect((await effects.findOne({ n: 0 }))?.sum).toBe(20);
    expect(runs).toBeGreaterThan(20); // the fault was there
    expect(told).toEqual([]);
  });

  test('a duplicate key that the handler swallows ends after its attempts and is not repeated for ever', async () => {
    const { effects, open, settled, letters } = await createScene();
    await effects.insertOne({ n: 1 });
    const bus = await open({
      handle: async ({ data }, { session }) => {
        await effects
          .insertOne({ n: data.n }, { session: session as mongoose.ClientSession })
          .catch(() => undefined);
      },
    });
    await bus.publish(orders, { n: 1 }, { id: 'one' });
    await untilSettled(bus);
    expect(letters).toMatchObject([{ reason: 'attempts' }]);
    expect(await settled('one')).toBe('dead');
  });

  test.each([
    ['the index that the consumer names', { n: 1 }, 'done', 0],
    ['another index', { m: 1 }, 'dead', 3],
  ] as const)('a duplicate key of %s', async (_, index, state, failures) => {
    const { effects, open, settled, told } = await createScene();
    await effects.insertOne({ n: 1 });
    const bus = await open({
      onDuplicate: { index },
      handle: async ({ data }, { session }) => {
        await effects.insertOne({ n: data.n }, { session: session as mongoose.ClientSession });
      },
    });
    await bus.publish(orders, { n: 1 }, { id: 'one' });
    await untilSettled(bus);
    expect({ state: await settled('one'), failures: told.length }).toEqual({ state, failures });
    expect(await effects.countDocuments()).toBe(1);
  });

  test('a zombie that wakes after its claim was taken over cannot commit its effect', async () => {
    const { effects, collection } = await createScene();
    const a = await openInbox(connection, { collection });
    await a.claim('billing', [copyOf('one')], 'a');
    const zombie = await a.transactions.begin('billing', copyOf('one'), 'a');
    await effects.insertOne({ n: 1 }, { session: zombie?.session as mongoose.ClientSession });
    // While the transaction is open nobody gets the record: a takeover waits as long as it may, then looks again.
    const records = connection.collection(collection);
    const takeover = records.updateOne({ _id: 'billing/0/one' as never }, { $set: { token: 'b' } });
    await zombie?.abort();
    await takeover;
    expect(await a.transactions.begin('billing', copyOf('one'), 'a')).toBeNull();
    expect(await effects.countDocuments()).toBe(0);
  });

  test('a commit whose answer is unknown is committed again', async () => {
    const { effects, open, settled, told } = await createScene();
    const admin = connection.getClient().db('admin');
    const bus = await open({
      handle: async ({ data }, { session }) => {
        await effects.insertOne({ n: data.n }, { session: session as mongoose.ClientSession });
      },
    });
    const failPoint = { configureFailPoint: 'failCommand', mode: { times: 3 } };
    const data = { failCommands: ['commitTransaction'], errorCode: 91, closeConnection: false };
    await admin.command({ ...failPoint, data });
    await bus.publish(orders, { n: 1 }, { id: 'one' });
    await untilSettled(bus);
    expect({ effects: await effects.countDocuments(), state: await settled('one'), told }).toEqual({
      effects: 1,
      state: 'done',
      told: [],
    });
  });

  test('a handler that may run as long as a transaction lives is refused at start, with both figures', async () => {
    const { open } = await createScene();
    await expect(open({ timeoutMs: 60_000 })).rejects.toThrow(/timeoutMs is 60000.*60000 ms/);
  });
});
