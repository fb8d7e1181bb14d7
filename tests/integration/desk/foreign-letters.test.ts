import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import { sendPoison } from '../../support/amqp-poison.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../../support/servers/find-servers.js';
import { connectMongoose } from '../inbox/mongo-store.js';
import { cleanup, openPlain, type Plain, untilHolds, VERSIONS } from '../rabbitmq/harness.js';
import { idsUpTo, numbersOf, openWorld, undoing, type World } from './desk-world.js';

const NEEDED = { shared: ['kafka', ...VERSIONS], own: ['mongodb'] } as const;

describeWithServers('letters that RabbitMQ made or nobody can decode', NEEDED, (servers) => {
  const { undo, run } = undoing();
  let mongodb: FoundServer<'mongodb'>;
  let store: mongoose.Connection;
  beforeAll(async () => {
    mongodb = await FIND.mongodb();
    store = await connectMongoose(mongodb.address.url);
  }, 60_000);
  afterEach(run, 60_000);
  afterAll(async () => {
    await store?.dropDatabase();
    await store?.close();
    await mongodb?.dispose();
  });

  describe.each(VERSIONS)('on the desk, %s', (version) => {
    let world: World;
    let plain: Plain;
    const addresses = () => ({ kafka: servers.kafka.brokers, rabbitmq: servers[version].url });
    beforeEach(async () => {
      world = await openWorld({ servers: addresses(), feed: 'rabbitmq', store: null, undo });
      const closing = cleanup();
      undo(() => closing.run());
      plain = await openPlain(servers[version].url, closing);
    }, 60_000);

    test('poison is shown, refused, replayed with its body alone, and purged', async () => {
      const { consumer, queue, open, handled, state } = world;
      state.isBroken = false;
      for (const count of [1, 2]) {
        await sendPoison(servers[version].url, { exchange: '', routingKey: `${queue}_dlq` });
        await untilHolds(plain, `${queue}_dlq`, count);
      }
      const desk = await open();
      const { letters } = await desk.list();
      const problem = expect.stringContaining('nested') as unknown as string;
      expect(letters).toMatchObject([
        { id: 'poison', problem },
        { id: 'poison', problem },
      ]);
      expect(await desk.show('poison')).toMatchObject([{ body: { utf8: '{}' } }, {}]);
      expect(await desk.replay({ execute: true })).toMatchObject({
        replayed: 0,
        refused: [{ why: 'undecodable', letters: 2 }],
      });
      const report = await desk.replay({ execute: true, withoutHeaders: true, max: 1, canary: false });
      expect(report).toMatchObject({ replayed: 1 });
      const [copy] = await handled.atLeast(1);
      expect(copy?.headers).toMatchObject({ 'bc-id': 'poison', 'bc-consumer': consumer.name });
      const purge = { consumer: consumer.name, execute: true, confirm: consumer.name };
      expect(await desk.purge(purge)).toMatchObject({ end: 'done', matches: 1, purged: 1 });
      await untilHolds(plain, `${queue}_dlq`, 0);
    }, 60_000);

    test('what RabbitMQ gave up by itself is told apart and replayed', async () => {
      const { consumer, bus, queue, open, handled, state } = world;
      state.isBroken = false;
      await bus.consumer(consumer.name).stop();
      const channel = await plain.channel();
      const properties = { expiration: '1', messageId: 'late', persistent: true };
      channel.sendToQueue(queue, Buffer.from('{"n":5}'), properties);
      await untilHolds(plain, `${queue}_dlq`, 1);
      await bus.consumer(consumer.name).start();
      const desk = await open();
      const native = { id: 'late', consumer: consumer.name, reason: 'expired', isNative: true };
      expect((await desk.list()).letters).toMatchObject([native]);
      expect(await desk.replay({ execute: true, canary: false })).toMatchObject({ end: 'done', replayed: 1 });
      const [copy] = await handled.atLeast(1);
      expect(copy).toMatchObject({ n: 5, attempt: 1, headers: { 'bc-id': 'late' } });
      expect((await desk.list()).letters).toEqual([]);
    }, 60_000);

    test('what it gave up before the inbox saw it is handled once', async () => {
      const scene = await openWorld({ servers: addresses(), feed: 'rabbitmq', store, undo });
      const { consumer, bus, queue, open, handled, state } = scene;
      state.isBroken = false;
      await bus.consumer(consumer.name).stop();
      const channel = await plain.channel();
      channel.sendToQueue(queue, Buffer.from('{"n":6}'), { messageId: 'crash', persistent: true });
      await untilHolds(plain, queue, 1);
      // As often as its queue allows, somebody takes it and dies before the inbox is asked.
      for (let deaths = 0; deaths <= 20; deaths += 1) {
        const dying = await plain.channel();
        while ((await dying.get(queue)) === false) await new Promise(setImmediate);
        await dying.close();
      }
      await untilHolds(plain, `${queue}_dlq`, 1);
      await bus.consumer(consumer.name).start();
      const desk = await open();
      const native = { id: 'crash', consumer: consumer.name, reason: 'poison', isNative: true };
      expect((await desk.list()).letters).toMatchObject([native]);
      const report = await desk.replay({ execute: true });
      expect(report).toMatchObject({ end: 'done', replayed: 1, handled: 1, refused: [], notes: [] });
      expect(handled.items).toMatchObject([
        {
          n: 6,
          attempt: 1,
          headers: { 'bc-id': 'crash', 'bc-replay-count': '0', 'bc-consumer': consumer.name },
        },
      ]);
      expect((await desk.list()).letters).toEqual([]);
      await untilHolds(plain, queue, 0);
    }, 60_000);

    test('50 listings and a replay of what is left lose nothing', async () => {
      const { bury, open, state, handled } = world;
      await bury(30);
      const desk = await open();
      for (let look = 0; look < 50; look += 1) {
        const limit = (look % 30) + 1;
        const { letters } = await desk.list({ limit });
        expect(letters.map(({ id }) => id)).toEqual(idsUpTo(limit));
      }
      expect((await desk.groups()).letters).toBe(30);
      state.isBroken = false;
      const replay = { execute: true, canary: false, ratePerSecond: 500 };
      expect(await desk.replay(replay)).toMatchObject({ end: 'done', replayed: 30 });
      await handled.atLeast(30);
      expect(numbersOf(world)).toEqual(Array.from({ length: 30 }, (_, n) => n));
    }, 120_000);
  });
});
