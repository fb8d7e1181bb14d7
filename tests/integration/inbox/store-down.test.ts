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
import { copyOf } from '../../support/inbox/copy-of.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type MongodbServer, startMongodb } from '../../support/servers/mongodb.js';
import { connectMongoose } from './mongo-store.js';

/** Less than the 30 s after which the driver gives a frozen server up, and far more than the inbox' timeout. */
const DRIVER_MS = 15_000;

const orders = defineTopic<{ n: number }>({ name: 'orders' });

describeWithServers('an inbox whose store goes away', { own: ['mongodb'] }, () => {
  let server: MongodbServer;
  let connection: mongoose.Connection;
  let bus: MessageBus;
  beforeAll(async () => {
    server = await startMongodb();
    connection = await connectMongoose(server.url, { serverSelectionTimeoutMS: 500 });
  }, 60_000);
  afterEach(() => bus?.close());
  afterAll(async () => {
    await connection?.close();
    await server?.dispose();
  });

  /** A consumer of embedded queues with its inbox in the store; `handle` runs before a message counts as run. */
  const openScene = async (
    handle: (n: number) => Promise<void> = async () => undefined,
    { starts = true } = {},
  ) => {
    const runs: number[] = [];
    const consumer = defineConsumer<{ n: number }>({
      name: 'billing',
      topic: orders,
      group: 'billing-group',
      handle: async ({ data }) => {
        await handle(data.n);
        runs.push(data.n);
      },
    });
    bus = await createBus({
      config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
      topics: [orders],
      consumers: [consumer],
      inbox: mongoInbox(connection, { timeout: '500ms' }),
      logger: createLogger({ level: 'silent' }),
    });
    if (starts) await bus.start();
    const heard = (name: 'consumer-paused' | 'consumer-resumed') =>
      new Promise<void>((resolve) => {
        const stop = bus.on(name, () => {
          stop();
          resolve();
        });
      });
    const publish = (from: number) =>
      Promise.all(Array.from({ length: 10 }, (_, n) => bus.publish(orders, { n: from + n })));
    const isThrough = async (count: number): Promise<void> => {
      // Handlers leave before they are marked as done: what has settled is through.
      while (runs.length < count || bus.consumer('billing').status().legs.rabbitmq?.unsettled !== 0)
        await new Promise((resolve) => setImmediate(resolve));
    };
    return { runs, heard, publish, isThrough };
  };
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

  test('C44 the consumer pauses, settles nothing, and goes on alone when the store is back', async () => {
    const { runs, heard, publish, isThrough } = await openScene();
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
    expect(runs).toEqual(upTo(20));
    expect(bus.health().ok).toBe(true);
  }, 60_000);

  test('C44 a store that is frozen is waited for no longer than its timeout: the consumer pauses, and goes on alone', async () => {
    const { runs, heard, publish, isThrough } = await openScene();
    await publish(0);
    await isThrough(10);
    const paused = heard('consumer-paused');
    await server.pause();
    const frozenMs = performance.now();
    await publish(10);
    await paused;
    expect(performance.now() - frozenMs).toBeLessThan(DRIVER_MS);
    expect(runs).toEqual(upTo(10));
    expect(bus.consumer('billing').status().legs.rabbitmq?.unsettled).toBe(10);
    const resumed = heard('consumer-resumed');
    await server.resume();
    await resumed;
    await isThrough(20);
    expect(runs).toEqual(upTo(20));
  }, 60_000);

  test('a start on a frozen store gives up within its timeout, and works when the store is back', async () => {
    const { runs, publish, isThrough } = await openScene(undefined, { starts: false });
    await server.pause();
    const frozenMs = performance.now();
    const starting = bus.start();
    await expect(starting).rejects.toMatchObject({
      code: 'BC_INBOX_UNAVAILABLE',
      message: expect.stringContaining('MongoDB did not answer within 500 ms'),
    });
    expect(performance.now() - frozenMs).toBeLessThan(DRIVER_MS);
    await server.resume();
    await bus.start();
    await publish(0);
    await isThrough(10);
    expect(runs).toEqual(upTo(10));
  }, 60_000);

  test('a frozen store is waited for no longer by what asks for transactions', async () => {
    const inbox = mongoInbox(connection, { timeout: '500ms' });
    await inbox.start();
    await server.pause();
    const { transactions } = inbox;
    const frozenMs = performance.now();
    await expect(transactions?.prepare('billing', 1_000)).rejects.toMatchObject({
      code: 'BC_INBOX_UNAVAILABLE',
    });
    await expect(transactions?.begin('billing', copyOf('one'), 'token')).rejects.toMatchObject({
      code: 'BC_INBOX_UNAVAILABLE',
    });
    expect(performance.now() - frozenMs).toBeLessThan(DRIVER_MS);
    await server.resume();
    await inbox.close();
  }, 60_000);

  test('C44 a store that freezes under a handler costs no second run', async () => {
    const { runs, heard, publish, isThrough } = await openScene(async (n) => {
      if (n === 4) await server.pause();
    });
    const [paused, resumed] = [heard('consumer-paused'), heard('consumer-resumed')];
    await publish(0);
    await paused;
    expect(bus.consumer('billing').status().legs.rabbitmq?.unsettled).toBeGreaterThan(0);
    await server.resume();
    await resumed;
    await isThrough(10);
    expect([...runs].sort((a, b) => a - b)).toEqual(upTo(10));
  }, 60_000);
});
