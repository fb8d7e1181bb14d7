import { afterAll, beforeAll, expect, test } from '@jest/globals';
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
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type MongodbServer, startMongodb } from '../../support/servers/mongodb.js';
import { connectMongoose } from './mongo-store.js';

const orders = defineTopic<{ n: number }>({ name: 'orders' });

describeWithServers('an inbox whose store goes away', { own: ['mongodb'] }, () => {
  let server: MongodbServer;
  let connection: mongoose.Connection;
  let bus: MessageBus;
  beforeAll(async () => {
    server = await startMongodb();
    connection = await connectMongoose(server.url, { serverSelectionTimeoutMS: 500 });
  }, 60_000);
  afterAll(async () => {
    await bus?.close();
    await connection?.close();
    await server?.dispose();
  });

  test('C44 the consumer pauses, settles nothing, and goes on alone when the store is back', async () => {
    const runs: number[] = [];
    const consumer = defineConsumer<{ n: number }>({
      name: 'billing',
      topic: orders,
      group: 'billing-group',
      handle: ({ data }) => void runs.push(data.n),
    });
    bus = await createBus({
      config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
      topics: [orders],
      consumers: [consumer],
      inbox: mongoInbox(connection, { timeout: '500ms' }),
      logger: createLogger({ level: 'silent' }),
    });
    const heard = (name: 'consumer-paused' | 'consumer-resumed') =>
      new Promise<void>((resolve) => {
        const stop = bus.on(name, () => {
          stop();
          resolve();
        });
      });
    await bus.start();
    const publish = (from: number) =>
      Promise.all(Array.from({ length: 10 }, (_, n) => bus.publish(orders, { n: from + n })));
    const isThrough = async (count: number): Promise<void> => {
      while (runs.length < count || bus.consumer('billing').status().inFlight > 0)
        await new Promise((resolve) => setImmediate(resolve));
    };
    await publish(0);
    await isThrough(10);
    const paused = heard('consumer-paused');
    await server.kill();
    await publish(10);
    await paused;
    const health = bus.health();
    expect({ ok: health.ok, runs: runs.length, reason: health.consumers.billing?.reason }).toEqual({
      ok: false,
      runs: 10,
      reason: expect.stringContaining('The inbox does not answer'),
    });
    expect(bus.consumer('billing').status().legs.rabbitmq?.unsettled).toBe(10);
    const resumed = heard('consumer-resumed');
    await server.start();
    await resumed;
    await isThrough(20);
    expect(runs).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(bus.health().ok).toBe(true);
  }, 60_000);
});
