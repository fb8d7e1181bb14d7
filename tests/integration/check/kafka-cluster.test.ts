import { afterAll, beforeAll, expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';
import { checkSetup } from '../../../src/index.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type KafkaCluster, startKafka } from '../../support/servers/kafka.js';
import { someService, startOnce, troubles, troublesOf, untilTroubles } from './check-world.js';

const START_MS = 120_000;
const ADMIN = { username: 'admin', password: 'admin-secret' };
const LIMITED = { username: 'limited', password: 'limited-secret' };
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ConfigResourceTypes, ResourcePatternTypes } =
  kafkajs;

describeWithServers('checking a Kafka of three nodes that knows its users', { own: ['kafka'] }, () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
    const users = [ADMIN, LIMITED].map((one) => `user_${one.username}="${one.password}"`).join(' ');
    cluster = await startKafka({
      brokers: 3,
      sasl: ADMIN,
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS;User:admin',
        'listener.name.client.plain.sasl.jaas.config': `${login} ${users};`,
      },
    });
  }, START_MS);
  afterAll(() => cluster?.dispose());

  const envOf = ({ username, password }: typeof ADMIN, brokers = cluster.brokers) => ({
    KAFKA_ENABLED: 'true',
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  });
  const warned = ['config-warning']; // a password without TLS

  async function asAdmin<Answer>(act: (admin: kafkajs.Admin) => Promise<Answer>): Promise<Answer> {
    const admin = new kafkajs.Kafka({ ...cluster.client, logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return await act(admin);
    } finally {
      await admin.disconnect();
    }
  }
  const alter = (name: string, value: string) =>
    asAdmin((admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [
          {
            type: ConfigResourceTypes.TOPIC,
            name,
            configEntries: [{ name: 'min.insync.replicas', value }],
          },
        ],
      }),
    );

  test('finds no trouble in what the bus made, and then how many nodes must store', async () => {
    const { name, options } = await someService({ env: envOf(ADMIN) });
    await startOnce(options);
    expect(troubles(await checkSetup(options))).toEqual(warned);
    await alter(name, '1');
    await untilTroubles(options, ['kafka-min-isr-low', ...warned]);
    await alter(name, '3');
    await untilTroubles(options, ['kafka-min-isr-high', ...warned]);
  });

  test('finds a topic with fewer replicas than the cluster could hold', async () => {
    const { options } = await someService({ env: envOf(ADMIN), topic: { kafka: { replicationFactor: 1 } } });
    await startOnce(options);
    expect(await troublesOf(options)).toEqual(['kafka-replication-low', ...warned]);
  });

  test('finds every permission that is missing, and none that is there', async () => {
    const made = await someService({ env: envOf(ADMIN) });
    const { name, queue } = made;
    await startOnce(made.options);
    const grant = (operations: readonly number[], resourceType: number, pattern: string) =>
      asAdmin((admin) =>
        admin.createAcls({
          acl: operations.map((operation) => ({
            operation,
            resourceType,
            resourceName: pattern,
            resourcePatternType: ResourcePatternTypes.PREFIXED,
            permissionType: AclPermissionTypes.ALLOW,
            principal: 'User:limited',
            host: '*',
          })),
        }),
      );
    const limited = { ...made.options, config: (await someService({ env: envOf(LIMITED) })).options.config };
    const missing = async (): Promise<string[]> =>
      (await checkSetup(limited)).findings
        .filter(({ id }) => id === 'kafka-permission')
        .map(({ where, found }) => `${where}: ${found}`)
        .sort();
    const untilMissing = async (expected: readonly string[]): Promise<void> => {
      while ((await missing()).join() !== expected.join()) await new Promise(setImmediate);
    };

    const { DESCRIBE, WRITE, READ, DESCRIBE_CONFIGS } = AclOperationTypes;
    await grant([DESCRIBE, WRITE], AclResourceTypes.TOPIC, name);
    await grant([DESCRIBE], AclResourceTypes.GROUP, name);
    await untilMissing([
      `kafka: dead-letter topic ${name}_dlt: without READ`,
      `kafka: group ${queue}: without READ`,
      `kafka: retry topic ${queue}_retry_0s: without READ`,
      `kafka: retry topic ${queue}_retry_5s: without READ`,
      `kafka: topic ${name}: without READ`,
    ]);
    const { findings } = await checkSetup(limited);
    expect(findings.filter(({ id }) => id === 'kafka-settings-not-shown').length).toBeGreaterThan(0);
    expect(JSON.stringify(findings)).not.toContain(LIMITED.password);

    await grant([READ, DESCRIBE_CONFIGS], AclResourceTypes.TOPIC, name);
    await grant([READ], AclResourceTypes.GROUP, name);
    await untilMissing([]);
  });

  test('finds topics that the user can neither see nor create', async () => {
    const { options } = await someService({ env: envOf(LIMITED) });
    const { findings } = await checkSetup(options);
    expect(findings.filter(({ id }) => id === 'kafka-permission').length).toBeGreaterThanOrEqual(4);
    expect(findings.filter(({ id }) => id === 'place-will-be-created')).toEqual([]);
  });

  test('finds a wrong password', async () => {
    const { options } = await someService({ env: envOf({ username: 'admin', password: 'not-this-one' }) });
    const report = await checkSetup(options);
    expect(report.findings.map(({ id }) => id)).toEqual(['broker-credentials', ...warned]);
    expect(JSON.stringify(report)).not.toContain('not-this-one');
  });

  test('finds replicas that are down', async () => {
    const { options } = await someService({ env: envOf(ADMIN) });
    await startOnce(options);
    await cluster.node(3).kill();
    const found = async (): Promise<string[]> => {
      const ids = await troublesOf(options);
      return ids.includes('kafka-under-replicated') ? ids : found();
    };
    expect(new Set(await found())).toEqual(new Set(['kafka-under-replicated', ...warned]));
  }, 60_000);
});
