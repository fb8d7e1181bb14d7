import { expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';
import { checkSetup, createBus } from '../../../src/index.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { someService, startOnce, troubles, troublesOf } from './check-world.js';

describeWithServers('checking Kafka', { shared: ['kafka'] }, ({ kafka }) => {
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
  const makeTopic = (topic: string, config: Record<string, string> = {}, numPartitions = 3) =>
    asAdmin((admin) =>
      admin.createTopics({
        topics: [
          {
            topic,
            numPartitions,
            configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
          },
        ],
      }),
    );

  test('says what the bus will create, and creates nothing', async () => {
    const { name, options } = await someService({ env });
    const before = await asAdmin((admin) => admin.listTopics());
    const report = await checkSetup(options);
    expect(troubles(report)).toEqual([]);
    const created = report.findings.filter(({ id }) => id === 'place-will-be-created');
    expect(created.map(({ where }) => where).sort()).toEqual([
      `kafka: dead-letter topic ${name}_dlt`,
      `kafka: retry topic ${name}-group_retry_0s`,
      `kafka: retry topic ${name}-group_retry_5s`,
      `kafka: topic ${name}`,
    ]);
    const after = await asAdmin((admin) => admin.listTopics());
    expect(after.filter((one) => one.startsWith(name))).toEqual([]);
    expect(after.filter((one) => one.startsWith('__'))).toEqual(before.filter((one) => one.startsWith('__')));
  });

  test('finds no trouble in what the bus made, and leaves groups and offsets alone', async () => {
    const { name, queue, options } = await someService({ env });
    await startOnce(options);
    const look = () =>
      asAdmin(async (admin) => [
        await admin.fetchOffsets({ groupId: queue, topics: [name] }),
        (await admin.describeGroups([queue])).groups.map(({ state, members }) => [state, members.length]),
      ]);
    const before = await look();
    const report = await checkSetup(options);
    expect(troubles(report)).toEqual([]);
    expect(report.counts).toMatchObject({ error: 0, warning: 1 });
    expect(report.findings.map(({ id }) => id)).toEqual(['kafka-few-nodes', 'kafka-version']);
    expect(await look()).toEqual(before);
  });

  test('joins no group: the members of a running service stay as they are', async () => {
    const { queue, options } = await someService({ env });
    const bus = await createBus(options);
    await bus.start();
    const look = () =>
      asAdmin(async (admin) =>
        (await admin.describeGroups([queue])).groups.map(({ state, members }) => [
          state,
          members.map(({ memberId }) => memberId),
        ]),
      );
    const before = await look();
    expect(before).toEqual([['Stable', [expect.any(String)]]]);
    expect(await troublesOf(options)).toEqual([]);
    expect(await look()).toEqual(before);
    await bus.close();
  });

  test.each([
    ['kafka-retention-short', { 'retention.ms': '3600000' }],
    ['kafka-retention-over-inbox', { 'retention.ms': '-1' }],
    ['kafka-retention-bytes', { 'retention.bytes': '1000000' }],
    ['kafka-compacted', { 'cleanup.policy': 'compact' }],
    ['kafka-bytes-low', { 'max.message.bytes': '100000' }],
  ])('finds %s', async (id, config) => {
    const { name, options } = await someService({ env, topic: { kafka: { partitions: 3 } } });
    await makeTopic(name, config);
    expect(await troublesOf(options)).toEqual([id]);
  });

  test.each([
    ['kafka-copies-retention-short', { 'retention.ms': '3600000' }],
    ['kafka-copies-compacted', { 'cleanup.policy': 'compact' }],
    ['kafka-copies-bytes-low', { 'max.message.bytes': '100000' }],
  ])('finds %s of dead letters', async (id, config) => {
    const { name, options } = await someService({ env });
    await makeTopic(name);
    await makeTopic(`${name}_dlt`, { 'retention.ms': String(14 * 86_400_000), ...config });
    expect(await troublesOf(options)).toEqual([id]);
  });

  test('finds partitions that differ, and one alone', async () => {
    const wanted = await someService({ env, topic: { kafka: { partitions: 6 } } });
    await makeTopic(wanted.name);
    expect(await troublesOf(wanted.options)).toEqual(['kafka-partitions-differ']);
    const alone = await someService({ env });
    await makeTopic(alone.name, {}, 1);
    expect(await troublesOf(alone.options)).toEqual(['kafka-partitions-low']);
  });

  test('finds a topic that somebody else should have made', async () => {
    const { name, options } = await someService({ env, topic: { kafka: { existing: true } } });
    const { findings } = await checkSetup(options);
    expect(findings[0]).toMatchObject({
      id: 'place-missing',
      severity: 'error',
      where: `kafka: topic ${name}`,
    });
  });

  test('finds a name that Kafka holds equal to one that is there', async () => {
    const { name, options } = await someService({ env });
    await makeTopic(name.replace('_', '.'));
    expect(await troublesOf(options)).toEqual(['kafka-name-collision']);
  });

  test('finds what Kafka would refuse to create', async () => {
    const { options } = await someService({ env, topic: { kafka: { replicationFactor: 3 } } });
    expect(await troublesOf(options)).toEqual(['kafka-create-refused']);
  });

  test('finds a session timeout that Kafka refuses', async () => {
    const { options } = await someService({ env: { ...env, KAFKA_SESSION_TIMEOUT_MS: '3000000' } });
    expect(await troublesOf(options)).toEqual(['kafka-session-timeout']);
  });

  test('says that a broker is down, within the time it is given', async () => {
    const { options } = await someService({ env: { ...env, KAFKA_BROKERS: '127.0.0.1:1' } });
    const { findings } = await checkSetup(options, { timeoutMs: 1_000 });
    expect(findings).toMatchObject([
      { id: 'broker-unreachable', where: 'kafka', found: expect.stringContaining('127.0.0.1:1') },
    ]);
  });
});
