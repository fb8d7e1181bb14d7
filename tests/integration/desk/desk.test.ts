import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import type { ExportedLetter } from '../../../src/contract/dead-letter-desk.js';
import type { BrokerName, DeadLetterDesk } from '../../../src/index.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../../support/servers/find-servers.js';
import { connectMongoose } from '../inbox/mongo-store.js';
import { idsUpTo, numbersOf, openWorld, undoing, type World } from './desk-world.js';

const NEEDED = { shared: ['kafka', 'rabbitmq-3.10', 'rabbitmq-4.0'], own: ['mongodb'] } as const;

/** Who feeds the consumer, and which RabbitMQ stands beside Kafka. */
const CASES = [
  ['rabbitmq', 'rabbitmq-3.10'],
  ['rabbitmq', 'rabbitmq-4.0'],
  ['kafka', 'rabbitmq-4.0'],
] as const;

const other = (broker: BrokerName): BrokerName => (broker === 'kafka' ? 'rabbitmq' : 'kafka');

const idsIn = async (desk: DeadLetterDesk): Promise<(string | null)[]> =>
  (await desk.list()).letters.map(({ id }) => id);

async function exported(desk: DeadLetterDesk): Promise<ExportedLetter[]> {
  const letters: ExportedLetter[] = [];
  for await (const letter of desk.export()) letters.push(letter);
  return letters;
}

describeWithServers('the dead-letter desk on real servers', NEEDED, (servers) => {
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

  describe.each(CASES)('of a consumer that %s feeds, beside %s', (feed, version) => {
    const world = (inbox: mongoose.Connection | null): Promise<World> => {
      const addresses = { kafka: servers.kafka.brokers, rabbitmq: servers[version].url };
      return openWorld({ servers: addresses, feed, store: inbox, undo });
    };

    test('lists, groups and shows letters, and replays them behind a canary, once each', async () => {
      const scene = await world(store);
      const { bury, open, state, consumer, places } = scene;
      await bury(7);
      const desk = await open();
      const page = await desk.list({ limit: 4 });
      expect(page.letters).toMatchObject(
        idsUpTo(4).map((id) => ({ id, consumer: consumer.name, broker: feed, reason: 'rejected' })),
      );
      const next = await desk.list({ limit: 4, cursor: page.cursor as string });
      expect({ ids: next.letters.map(({ id }) => id), cursor: next.cursor }).toEqual({
        ids: ['m4', 'm5', 'm6'],
        cursor: null,
      });
      expect(await desk.groups()).toMatchObject({
        letters: 7,
        groups: [{ consumer: consumer.name, errorType: 'TypeError', letters: 7, brokers: { [feed]: 7 } }],
      });
      expect(await desk.show('m3')).toMatchObject([{ id: 'm3', key: 'k3', body: { utf8: '{"n":3}' } }]);

      const preview = await desk.replay();
      const target = { consumer: consumer.name, broker: feed, place: places[feed], letters: 7 };
      expect(preview).toMatchObject({
        end: 'preview',
        matches: 7,
        targets: [target],
        replayed: 0,
        notes: [],
      });
      const still = await desk.replay({ execute: true, by: 'ann' });
      expect(still).toMatchObject({ end: 'stopped', replayed: 1, diedAgain: 1 });
      expect(still.reason).toContain('first letter');
      expect((await idsIn(desk)).sort()).toEqual(idsUpTo(7));

      state.isBroken = false;
      const replay = { execute: true, ratePerSecond: 100, by: 'ann' };
      expect(await desk.replay(replay)).toMatchObject({ end: 'done', replayed: 7, refused: [] });
      await scene.handled.atLeast(7);
      expect(numbersOf(scene)).toEqual([0, 1, 2, 3, 4, 5, 6]);
      const headers = (n: number) => scene.handled.items.find((one) => one.n === n)?.headers;
      expect(headers(0)).toMatchObject({ 'bc-replay-count': '2', 'bc-replayed-by': 'ann' });
      expect(headers(6)).toMatchObject({ 'bc-replay-count': '1', 'bc-key': 'k6' });
      expect(await idsIn(desk)).toEqual([]);
      expect(await idsIn(await open())).toEqual([]);
    }, 120_000);

    test('replays from its place to the broker that feeds the consumer now', async () => {
      const scene = await world(store);
      await scene.bury(3);
      await scene.bus.consumer(scene.consumer.name).move(other(feed));
      scene.state.isBroken = false;
      const desk = await scene.open(other(feed));
      const report = await desk.replay({ execute: true, ratePerSecond: 100 });
      expect(report).toMatchObject({
        end: 'done',
        replayed: 3,
        targets: [{ broker: other(feed), place: scene.places[other(feed)], letters: 3 }],
      });
      await scene.handled.atLeast(3);
      expect(numbersOf(scene)).toEqual([0, 1, 2]);
      expect(await idsIn(desk)).toEqual([]);
    }, 120_000);

    test('lets two operators at once publish each letter once', async () => {
      const scene = await world(store);
      await scene.bury(20);
      scene.state.isBroken = false;
      const desks = [await scene.open(), await scene.open()];
      const replay = { execute: true, canary: false, ratePerSecond: 200 };
      const reports = await Promise.all(desks.map((desk) => desk.replay(replay)));
      expect(reports.map(({ end }) => end)).toEqual(['done', 'done']);
      // Letters of a queue that one of them only held at its end are there for the next run.
      const rest = await (await scene.open()).replay(replay);
      const replayed = [...reports, rest].reduce((sum, report) => sum + report.replayed, 0);
      expect(replayed).toBe(20);
      await scene.handled.atLeast(20);
      expect(numbersOf(scene)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    }, 120_000);

    test('takes mended letters back, and purges the others', async () => {
      const scene = await world(store);
      const { consumer } = scene;
      await scene.bury(3);
      scene.state.isBroken = false;
      const desk = await scene.open();
      const letters = await exported(desk);
      const mended = { ...letters[1], headers: { 'x-fixed': 'yes' }, body: { utf8: '{"n":42}' } };
      const from = [JSON.stringify(mended)];
      expect(await desk.replay({ from, execute: true })).toMatchObject({ matches: 1, replayed: 1 });
      const [one] = await scene.handled.atLeast(1);
      expect(one).toMatchObject({ n: 42, headers: { 'bc-id': 'm1', 'bc-key': 'k1', 'x-fixed': 'yes' } });
      const purge = { consumer: consumer.name, execute: true, confirm: consumer.name };
      expect(await desk.purge({ ...purge, id: 'm0' })).toMatchObject({ end: 'done', purged: 1 });
      expect(await idsIn(await scene.open())).toEqual(['m2']);
      expect(await desk.replay({ from, execute: true })).toMatchObject({
        replayed: 0,
        refused: [{ why: 'not-there', letters: 1 }],
      });
    }, 120_000);

    test('without an inbox replays all the same, and says what does not hold', async () => {
      const scene = await world(null);
      await scene.bury(2);
      scene.state.isBroken = false;
      const desk = await scene.open();
      const report = await desk.replay({ execute: true, ratePerSecond: 100 });
      expect(report).toMatchObject({ end: 'done', replayed: 2, handled: 0, diedAgain: 0 });
      expect(report.notes.join(' ')).toContain('has no inbox: at least once');
      await scene.handled.atLeast(2);
      const purge = { consumer: scene.consumer.name, execute: true, confirm: scene.consumer.name };
      if (feed === 'rabbitmq') {
        expect(await idsIn(desk)).toEqual([]);
        return;
      }
      expect(report.notes.join(' ')).toContain('its letters are offered again');
      expect(await idsIn(desk)).toEqual(['m0', 'm1']);
      expect(await desk.purge(purge)).toMatchObject({ purged: 0, refused: [{ why: 'not-removable' }] });
    }, 120_000);
  });
});
