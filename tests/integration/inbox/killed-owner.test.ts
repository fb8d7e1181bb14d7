import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import {
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  type MessageBus,
} from '../../../src/index.js';
import { mongoInbox } from '../../../src/mongo.js';
import { ROOT } from '../../support/run-program.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type MongodbServer, startMongodb } from '../../support/servers/mongodb.js';
import { connectMongoose } from './mongo-store.js';

const orders = defineTopic<{ n: number }>({ name: 'orders' });

describeWithServers('an owner that is killed', { own: ['mongodb'] }, () => {
  let server: MongodbServer;
  let connection: mongoose.Connection;
  let bus: MessageBus | undefined;
  beforeAll(async () => {
    server = await startMongodb(); // its own: its settings are changed
    connection = await connectMongoose(server.url);
    await letTransactionsLive(5);
  }, 60_000);
  afterEach(async () => {
    await bus?.close();
    await connection.dropDatabase();
  });
  afterAll(async () => {
    await connection?.close();
    await server?.dispose();
  });

  /** The server keeps the locks of a killed client for up to one and a half lives of a transaction: 88 s by default. */
  async function letTransactionsLive(seconds: number): Promise<void> {
    const admin = connection.getClient().db('admin');
    await admin.command({ setParameter: 1, transactionLifetimeLimitSeconds: seconds });
  }

  /** Runs an instance until it stands still at the step, and kills it there. */
  async function killAt(step: string): Promise<void> {
    const args = ['--import', 'tsx', join(__dirname, 'killed-owner.fixture.ts')];
    const child = spawn(process.execPath, [...args, server.url, connection.name, step], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    expect(await exited).toEqual([null, 'SIGKILL']);
  }

  test.each([
    ['in its transaction', 'transaction', { runs: 1, effects: 1 }],
    ['between its effect and its record, without a transaction', 'effect', { runs: 1, effects: 2 }],
    ['after its record, before it let go', 'done', { runs: 0, effects: 1 }],
  ])(
    '%s: the message is settled by the next instance',
    async (_, step, expected) => {
      await killAt(step);
      let runs = 0;
      const consumer = defineConsumer<{ n: number }>({
        name: 'billing',
        topic: orders,
        group: 'billing-group',
        timeoutMs: 4_000,
        inbox: { transaction: step === 'transaction' },
        handle: async ({ data }, { session }) => {
          runs += 1;
          const options = session === undefined ? {} : { session };
          await connection.collection('effects').insertOne({ n: data.n }, options);
        },
      });
      const next = await createBus({
        config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
        topics: [orders],
        consumers: [consumer],
        inbox: mongoInbox(connection, { lease: '1s' }),
        logger: createLogger({ level: 'silent' }),
      });
      bus = next;
      await next.start();
      await next.publish(orders, { n: 1 }, { id: 'one' }); // the broker delivers it again
      while ((next.consumer('billing').status().legs.rabbitmq?.unsettled ?? 1) > 0)
        await new Promise((resolve) => setImmediate(resolve));
      expect({ runs, effects: await connection.collection('effects').countDocuments() }).toEqual(expected);
    },
    60_000,
  );
});
