import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { mongoCreditsStore } from '../../src/modules/credits-process/credits-process.mongo.js';
import { type AppWorld, openAppWorld } from '../support/app/app-world.js';
import { createFlood, pour } from '../support/credits/credits-flood.js';
import { balancesOf } from '../support/credits/reference.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';

const NEEDED = { own: ['kafka', 'rabbitmq-4.0', 'mongodb'] } as const;

/** 100,000 messages in all. */
const SIZE = { users: 1_000, requests: 47_000, duplicates: 5_000, invalid: 1_000 };

/** A start writes twice by this command, an end once: of a hundred messages, one or two fail at their first attempt. */
const FAILING = { failCommands: ['findAndModify'], errorCode: 96 };
const FAILING_SHARE = 0.01;

const POLL_MS = 200;

const legsOf = async (world: AppWorld) => {
  const { consumers } = await world.status();
  return consumers.filter(({ consumer }) => consumer.startsWith('credits')).flatMap(({ legs }) => legs);
};

/** Duplicates and invalid messages may be there when every request is settled. */
async function untilNothingWaits(world: AppWorld): Promise<void> {
  const isEmpty = async (): Promise<boolean> =>
    (await legsOf(world)).every(
      ({ state, waiting, unsettled, retries }) =>
        state !== 'live' || (waiting === 0 && (unsettled ?? 0) === 0 && retries === 0),
    );
  while (!(await isEmpty())) await delay(POLL_MS);
}

describeWithServers('100,000 credit messages', NEEDED, () => {
  let world: AppWorld | null = null;
  afterEach(async () => world?.dispose(), 120_000);

  test('some twice, some invalid, some failing, leave exact balances though the server is killed three times', async () => {
    const { drops, history } = createFlood(SIZE);
    world = await openAppWorld();
    const { connection, env } = world;
    // One consumer is fed by each broker, and every message is on both.
    Object.assign(env, { KAFKA_ENABLED: 'true', RABBITMQ_ENABLED: 'true' });
    await world.feed({ 'credits-process': 'kafka' }, 'rabbitmq');
    await world.start();
    const store = mongoCreditsStore(connection);
    for (const topUp of history.topUps) await store.topUp(topUp);
    const admin = connection.getClient().db('admin');
    const namespace = `${connection.name}.credits_requests`;
    const failPoint = (mode: object | string) =>
      admin.command({ configureFailPoint: 'failCommand', mode, data: { ...FAILING, namespace } });
    await failPoint({ activationProbability: FAILING_SHARE });

    const poured = pour(drops, env);
    const requests = connection.collection('credits_requests');
    const untilSettled = async (count: number): Promise<void> => {
      while ((await requests.countDocuments({ state: 'settled' })) < count) await delay(POLL_MS);
    };
    for (const part of [0.2, 0.4, 0.6]) {
      await untilSettled(SIZE.requests * part);
      await world.killAndStart();
    }
    await poured;
    await untilSettled(SIZE.requests);
    const { count: failed } = await failPoint('off');
    expect(failed).toBeGreaterThan(SIZE.requests * FAILING_SHARE);
    await untilNothingWaits(world);

    for (const [user, balance] of balancesOf(history)) expect(await store.balanceOf(user)).toEqual(balance);
    // Nothing invalid came through, and nothing that failed was given up.
    expect(await requests.countDocuments()).toBe(SIZE.requests);
    for (const leg of await legsOf(world)) expect(leg.deadLetters).toBe(0);
    await world.stop();
  }, 1_800_000);
});
