import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import {
  type CreateBusOptions,
  checkSetup,
  defineConsumer,
  defineTopic,
  loadConfig,
} from '../../../src/index.js';
import { mongoInbox } from '../../../src/mongo.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type MongodbServer, startMongodb } from '../../support/servers/mongodb.js';
import { connectMongoose } from '../inbox/mongo-store.js';
import { troublesOf } from './check-world.js';

const DAY_SECONDS = 86_400;

describeWithServers('checking an inbox in MongoDB', { own: ['mongodb'] }, () => {
  let server: MongodbServer;
  let connection: mongoose.Connection;
  beforeAll(async () => {
    server = await startMongodb();
    connection = await connectMongoose(server.url);
  }, 60_000);
  beforeEach(() => connection.dropDatabase());
  afterAll(async () => {
    await connection?.close();
    await server?.dispose();
  });

  const optionsOf = async (timeoutMs = 30_000): Promise<CreateBusOptions> => {
    const topic = defineTopic({ name: 'orders' });
    const inbox = { transaction: true };
    const consumer = { name: 'billing', topic, group: 'billing', timeoutMs, inbox, handle: () => undefined };
    return {
      config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
      topics: [topic],
      consumers: [defineConsumer(consumer)],
      inbox: mongoInbox(connection, { ttl: '30d', timeout: '1s' }),
    };
  };
  const collections = async (): Promise<string[]> =>
    (await connection.listCollections()).map(({ name }) => name);

  test('finds no trouble before there is anything, and makes nothing', async () => {
    expect(await troublesOf(await optionsOf())).toEqual([]);
    expect(await collections()).toEqual([]);
  });

  test('finds no trouble in what the inbox made', async () => {
    const options = await optionsOf();
    await options.inbox?.start();
    expect(await troublesOf(options)).toEqual([]);
  });

  test('finds an index that forgets too soon, and leaves it as it is', async () => {
    const records = connection.collection('buscoupler_inbox');
    await records.createIndex({ settledAt: 1 }, { name: 'settled_ttl', expireAfterSeconds: DAY_SECONDS });
    expect(await troublesOf(await optionsOf())).toEqual(['inbox-ttl-short']);
    const indexes = await records.indexes();
    expect(indexes.find(({ name }) => name === 'settled_ttl')?.expireAfterSeconds).toBe(DAY_SECONDS);
  });

  test('finds a handler that may run longer than a transaction lives', async () => {
    const { findings } = await checkSetup(await optionsOf(90_000));
    expect(findings[0]).toMatchObject({
      id: 'inbox-transactions',
      found: expect.stringContaining('Consumer "billing": timeoutMs is 90000'),
    });
  });

  test('finds a store that does not answer, and checks the brokers all the same', async () => {
    await server.pause();
    try {
      const { findings } = await checkSetup(await optionsOf(), { timeoutMs: 2_000 });
      expect(findings.map(({ id }) => id)).toEqual([
        'inbox-unreachable',
        'broker-embedded',
        'broker-embedded',
      ]);
    } finally {
      await server.resume();
    }
  });
});
