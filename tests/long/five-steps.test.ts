import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import type { BrokerName } from '../../src/index.js';
import { requestKey } from '../../src/modules/credits-process/credits-process.model.js';
import { mongoCreditsStore } from '../../src/modules/credits-process/credits-process.mongo.js';
import type { CreditsMessage } from '../../src/modules/credits-process/credits-process.schema.js';
import { checkHistory, type HistoryEvent } from '../../src/testing/index.js';
import { AppLoad } from '../support/app/app-load.js';
import { type AppWorld, CONSUMERS, openAppWorld } from '../support/app/app-world.js';
import { balancesOf } from '../support/credits/reference.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';

const NEEDED = { own: ['kafka', 'rabbitmq-4.0', 'mongodb'] } as const;

/** Calls that are taken before and after what a step does. */
const STRETCH = 120;

/** Between two looks. */
const POLL_MS = 100;

const on = (broker: BrokerName): string => (broker === 'kafka' ? 'KAFKA_ENABLED' : 'RABBITMQ_ENABLED');

/** Resolves when all that was taken up to now is handled, wherever it came from; calls go on meanwhile. */
async function untilHandled({ connection }: AppWorld, load: AppLoad): Promise<void> {
  const usage = [...load.usage];
  const { starts, ends } = load.history;
  const ended = new Set(ends.map(requestKeyOf));
  const requests = starts.map(requestKeyOf).filter((key) => ended.has(key));
  const isIn = async (collection: string, filter: object, count: number): Promise<boolean> =>
    (await connection.collection(collection).countDocuments(filter)) === count;
  const isHandled = async (): Promise<boolean> =>
    (await isIn('feature_usage_logs', { messageId: { $in: usage } }, usage.length)) &&
    (await isIn('credits_requests', { _id: { $in: requests }, state: 'settled' }, requests.length));
  while (!(await isHandled())) await delay(POLL_MS);
}

const requestKeyOf = ({ user, request }: CreditsMessage): string => requestKey(user, request);

/** Step 4: what an operator looks at. Every leg that is on answers, and what feeds does not fall behind. */
async function watch(world: AppWorld, fedBy: BrokerName): Promise<void> {
  const { consumers } = await world.status();
  expect(consumers.map(({ consumer }) => consumer).sort()).toEqual([...CONSUMERS].sort());
  for (const { legs } of consumers) {
    expect(legs.filter(({ state }) => state === 'unreachable')).toEqual([]);
    expect(legs.find(({ state }) => state === 'live')).toMatchObject({ broker: fedBy, deadLetters: 0 });
  }
}

/** From one broker to the other by the guide's five steps, the server killed in each, under load. */
async function migrate(world: AppWorld, load: AppLoad, [from, to]: readonly [BrokerName, BrokerName]) {
  // 1 and 2: both run, and everything is published to both.
  world.env[on(to)] = 'true';
  await world.killAndStart();
  await load.more(STRETCH);
  await world.killAndStart();
  // What is on the old broker alone is handled before anybody leaves it.
  await untilHandled(world, load);
  // 3: consumer by consumer.
  const moved: Record<string, BrokerName> = {};
  for (const [place, name] of CONSUMERS.entries()) {
    moved[name] = to;
    await world.feed(moved, from);
    await load.more(STRETCH / 2);
    if (place === 2) await world.killAndStart();
  }
  await load.more(STRETCH);
  // 4: watch until what was published before the last one moved is handled.
  await world.killAndStart();
  await watch(world, to);
  await untilHandled(world, load);
  // 5: the old one is turned off.
  world.env[on(from)] = 'false';
  await world.killAndStart();
  await load.more(STRETCH);
  await world.killAndStart();
}

describeWithServers('the five steps of a migration', NEEDED, () => {
  let world: AppWorld | null = null;
  let load: AppLoad | null = null;
  afterEach(async () => {
    load?.abandon();
    await world?.dispose();
  }, 120_000);

  test('and back lose and double nothing, under load, with the server killed in each step', async () => {
    world = await openAppWorld();
    Object.assign(world.env, { RABBITMQ_ENABLED: 'true', KAFKA_ENABLED: 'false' });
    await world.feed({}, 'rabbitmq');
    await world.start();
    load = new AppLoad(world.address);
    await load.start();
    await load.more(STRETCH);

    await migrate(world, load, ['rabbitmq', 'kafka']);
    await migrate(world, load, ['kafka', 'rabbitmq']);

    await load.stop();
    const { usage, history } = load;
    const logs = world.connection.collection('feature_usage_logs');
    while ((await logs.countDocuments()) < usage.length);
    const registrations = world.connection.collection('registrations');
    while ((await registrations.countDocuments()) < usage.length);
    const store = mongoCreditsStore(world.connection);
    const wanted = balancesOf(history);
    for (const [user, balance] of wanted) {
      while ((await store.balanceOf(user)).spent < balance.spent);
      expect(await store.balanceOf(user)).toEqual(balance);
    }

    const stored = await logs.find().toArray();
    const topic = 'feature_usage_topic';
    const consumer = 'feature-usage';
    const events: HistoryEvent[] = [
      { type: 'consumer', consumer, topic },
      ...usage.flatMap((id): HistoryEvent[] => [
        { type: 'publish-invoked', id, topic },
        { type: 'publish-ok', id },
      ]),
      ...stored.map(({ messageId }): HistoryEvent => ({ type: 'effect', consumer, id: messageId })),
      { type: 'healed' },
    ];
    expect(checkHistory(events)).toEqual([]);
    expect(new Set(stored.map(({ messageId }) => messageId)).size).toBe(stored.length);
    await world.stop();
  }, 1_200_000); // what a killed process held is free after its lease and its transaction's life: a minute each time
});
