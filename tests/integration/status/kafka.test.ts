import { expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';
import { readStatus } from '../../../src/index.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { statusWorld } from './status-world.js';

describeWithServers('the status on Kafka', { shared: ['kafka'] }, ({ kafka }) => {
  const env = { KAFKA_ENABLED: 'true', KAFKA_BROKERS: kafka.brokers.join(',') };

  async function asAdmin<Answer>(act: (admin: kafkajs.Admin) => Promise<Answer>): Promise<Answer> {
    const admin = new kafkajs.Kafka({
      brokers: [...kafka.brokers],
      logLevel: kafkajs.logLevel.NOTHING,
    }).admin();
    await admin.connect();
    try {
      return await act(admin);
    } finally {
      await admin.disconnect();
    }
  }

  test('counts lag, copies and letters exactly, and leaves offsets and members alone', async () => {
    const { name, group, options, leaveBehind, leg } = await statusWorld(env);
    const beforeMs = Date.now();
    await leaveBehind(['done', 'retry', 'retry', 'dead', 'dead', 'dead'], 5);
    const look = () =>
      asAdmin(async (admin) => [
        await admin.fetchOffsets({ groupId: group }),
        (await admin.describeGroups([group])).groups.map(({ state, members }) => [state, members.length]),
        (await admin.listTopics()).filter((one) => one.startsWith(name)).sort(),
      ]);
    const before = await look();
    const seen = await leg();
    expect(seen).toEqual({
      broker: 'kafka',
      state: 'live',
      waiting: 5,
      unsettled: null,
      oldestAgeMs: expect.any(Number),
      retries: 2,
      deadLetters: 3,
      readers: 0,
    });
    expect(seen?.oldestAgeMs).toBeLessThanOrEqual(Date.now() - beforeMs);
    expect(await readStatus(options)).toMatchObject({ consumers: [{ legs: [{ waiting: 5 }] }] });
    expect(await look()).toEqual(before);
  });

  test('what is not there yet is absent, and is not created', async () => {
    const { name, leg } = await statusWorld(env);
    expect(await leg()).toMatchObject({ state: 'absent', waiting: null, retries: 0, deadLetters: 0 });
    expect((await asAdmin((admin) => admin.listTopics())).filter((one) => one.startsWith(name))).toEqual([]);
  });

  test('counts the members of a group that runs', async () => {
    const { run, leg } = await statusWorld(env);
    await run(async () => {
      expect(await leg()).toMatchObject({ state: 'live', waiting: 0, oldestAgeMs: null, readers: 1 });
    });
  });
});
