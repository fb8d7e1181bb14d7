import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import { idsUpTo, numbersOf, openWorld, undoing, type World } from '../integration/desk/desk-world.js';
import { connectMongoose } from '../integration/inbox/mongo-store.js';
import { ROOT, runProgram } from '../support/run-program.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../support/servers/find-servers.js';

const urlOf = (file: string): string => pathToFileURL(join(ROOT, file)).href;

const NEEDED = { shared: ['kafka', 'rabbitmq-4.0'], own: ['mongodb'] } as const;

describeWithServers('buscoupler dead-letters on real servers', NEEDED, (servers) => {
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

  /** The command line with a file that says the same as the world's bus. */
  const cliOver = async ({ topic, consumer }: World, feed: string) => {
    const folder = await mkdtemp(join(tmpdir(), 'buscoupler-desk-'));
    undo(() => rm(folder, { recursive: true }));
    const file = join(folder, 'bus.mjs');
    const env = {
      KAFKA_ENABLED: 'true',
      KAFKA_BROKERS: servers.kafka.brokers.join(','),
      RABBITMQ_ENABLED: 'true',
      RABBITMQ_URL: servers['rabbitmq-4.0'].url,
      [`CONSUMER_${consumer.name.replace('-', '_').toUpperCase()}_BROKER`]: feed,
    };
    await writeFile(
      file,
      `import { createRequire } from 'node:module';
import { defineConsumer, defineTopic, loadConfig } from '${urlOf('src/index.ts')}';
import { mongoInbox } from '${urlOf('src/mongo.ts')}';
const mongoose = createRequire('${urlOf('package.json')}')('mongoose');
const topic = defineTopic({ name: '${topic.name}', kafka: { partitions: 1 } });
const consumer = defineConsumer({ name: '${consumer.name}', topic, group: '${consumer.group}', handle: () => undefined });
export default async () => {
  const connection = await mongoose.createConnection('${mongodb.address.url}', { dbName: '${store.name}' }).asPromise();
  const config = await loadConfig(${JSON.stringify(env)}, { file: false });
  return { config, topics: [topic], consumers: [consumer], inbox: mongoInbox(connection) };
};`,
    );
    return (...args: string[]) =>
      runProgram([
        process.execPath,
        '--import',
        'tsx',
        'src/cli/main.ts',
        'dead-letters',
        ...args,
        '--config',
        file,
      ]);
  };

  test.each(['kafka', 'rabbitmq'] as const)(
    'shows, previews and replays the letters of a consumer that %s feeds',
    async (feed) => {
      const addresses = { kafka: servers.kafka.brokers, rabbitmq: servers['rabbitmq-4.0'].url };
      const world = await openWorld({ servers: addresses, feed, store, undo });
      await world.bury(3);
      const cli = await cliOver(world, feed);
      const list = await cli('list', '--json');
      expect({ code: list.code, stderr: list.stderr }).toEqual({ code: 0, stderr: '' });
      const { letters } = JSON.parse(list.stdout) as { letters: { id: string }[] };
      expect(letters.map(({ id }) => id)).toEqual(idsUpTo(3));
      const groups = await cli('groups', '--json');
      expect(JSON.parse(groups.stdout)).toMatchObject({ letters: 3, groups: [{ brokers: { [feed]: 3 } }] });
      expect((await cli('show', 'm1')).stdout).toMatch(/\nbody +\{"n":1\}\n$/);

      const preview = await cli('replay');
      expect({ code: preview.code, stderr: preview.stderr }).toEqual({ code: 2, stderr: '' });
      expect(preview.stdout).toContain(world.places[feed]);
      expect(preview.stdout).toContain('Nothing was changed. Act with --execute.');
      const refused = await cli('purge', '--consumer', world.consumer.name, '--execute');
      expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 3, stdout: '' });

      const stopped = await cli('replay', '--execute', '--json');
      expect(stopped.code).toBe(5);
      expect(JSON.parse(stopped.stdout)).toMatchObject({ end: 'stopped', replayed: 1, diedAgain: 1 });
      world.state.isBroken = false;
      const done = await cli('replay', '--execute', '--rate', '100', '--by', 'ann', '--json');
      expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(done.stdout)).toMatchObject({ end: 'done', replayed: 3, refused: [] });
      await world.handled.atLeast(3);
      expect(numbersOf(world)).toEqual([0, 1, 2]);
      expect((await cli('list')).stdout).toBe('No dead letters.\n');
    },
    120_000,
  );

  test('ends with 3 where every letter is refused', async () => {
    const addresses = { kafka: servers.kafka.brokers, rabbitmq: servers['rabbitmq-4.0'].url };
    const world = await openWorld({ servers: addresses, feed: 'rabbitmq', store, undo });
    await world.bury(1);
    const cli = await cliOver(world, 'rabbitmq');
    for (let replays = 1; replays <= 5; replays += 1) {
      expect((await cli('replay', '--execute', '--id', 'm0')).code).toBe(5);
      await world.buried.atLeast(replays + 1);
    }
    const refused = await cli('replay', '--execute', '--json');
    expect(refused.code).toBe(3);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      replayed: 0,
      refused: [{ why: 'replayed-too-often', letters: 1 }],
    });
  }, 120_000);
});
