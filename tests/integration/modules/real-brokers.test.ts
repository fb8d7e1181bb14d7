import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import { type BrokerName, type CreateBusOptions, createLogger } from '../../../src/index.js';
import { mongoFeatureUsageLogStore } from '../../../src/modules/feature-usage-log/feature-usage-log.model.js';
import { featureUsageLogModule } from '../../../src/modules/feature-usage-log/feature-usage-log.module.js';
import { mongoUserRegistrationStore } from '../../../src/modules/user-registration/user-registration.model.js';
import { userRegistrationModule } from '../../../src/modules/user-registration/user-registration.module.js';
import { mongoInbox } from '../../../src/mongo.js';
import { createRecorder } from '../../../src/testing/index.js';
import { openModules } from '../../support/modules/open-modules.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../../support/servers/find-servers.js';
import { type KafkaCluster, startKafka } from '../../support/servers/kafka.js';
import { startRabbit } from '../../support/servers/rabbitmq.js';
import { connectMongoose } from '../inbox/mongo-store.js';

/** The groups of the modules have fixed names, so these brokers are shared with no other suite. */
const NEEDED = { own: ['kafka', 'rabbitmq-4.0', 'mongodb'] } as const;

const CONSUMERS = ['feature-usage', 'user-registration-welcome', 'user-registration-statistics'];
const EVENTS = 600;
const REGISTRATIONS = 150;
const PATIENCE_MS = 20_000;

describeWithServers('usage and registrations on real brokers', NEEDED, () => {
  let kafka: KafkaCluster;
  let rabbit: Awaited<ReturnType<typeof startRabbit>>;
  let mongodb: FoundServer<'mongodb'>;
  let connection: mongoose.Connection;
  let env: Record<string, string>;
  const stores = () => ({
    usage: mongoFeatureUsageLogStore(connection),
    registrations: mongoUserRegistrationStore(connection),
  });
  let opened: ReturnType<typeof stores>;
  beforeAll(async () => {
    [kafka, rabbit, mongodb] = await Promise.all([
      startKafka(),
      startRabbit({ version: '4.0' }),
      FIND.mongodb(),
    ]);
    connection = await connectMongoose(mongodb.address.url);
    opened = stores();
    for (const store of Object.values(opened)) await store.prepare();
    env = {
      KAFKA_ENABLED: 'true',
      KAFKA_BROKERS: kafka.brokers.join(','),
      RABBITMQ_ENABLED: 'true',
      RABBITMQ_URL: rabbit.url,
    };
  }, 120_000);
  const buses: Awaited<ReturnType<typeof openModules>>['bus'][] = [];
  afterEach(async () => {
    for (const bus of buses.splice(0)) await bus.close();
  });
  afterAll(async () => {
    await connection?.dropDatabase();
    await connection?.close();
    await Promise.all([kafka?.dispose(), rabbit?.dispose(), mongodb?.dispose()]);
  }, 60_000);

  /** Both modules on both brokers; one inbox for the whole suite knows what earlier tests left on the other leg. */
  async function open(hasTransactions: boolean, given: Partial<CreateBusOptions> = {}) {
    const retry = { inline: { attempts: 2, backoff: { initialMs: 1 } }, deferred: ['1s'] };
    const usage = featureUsageLogModule({ store: opened.usage, hasTransactions, retry });
    const registration = userRegistrationModule({ store: opened.registrations, hasTransactions, retry });
    const inbox = mongoInbox(connection);
    const { bus, told } = await openModules([usage, registration], { env, inbox, ...given });
    buses.push(bus);
    return { bus, told, ...usage.publisher(bus), ...registration.publisher(bus) };
  }

  const logsOf = (user: RegExp) =>
    connection.collection<{ messageId: string }>('feature_usage_logs').find({ user }).toArray();

  const usageOf = (user: string) => ({ feature_endpoint: 'chat', user, email: `${user}@example.com` });

  /** Looks until it holds, or too long: what is missing then is told by the assertion that follows. */
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    const deadlineMs = Date.now() + PATIENCE_MS;
    while (!(await holds()) && Date.now() < deadlineMs) await new Promise((resolve) => setImmediate(resolve));
  };

  describe.each([
    ['in transactions', true],
    ['each write by itself', false],
  ])('%s', (_, hasTransactions) => {
    const mark = hasTransactions ? 'tx' : 'single';

    test('stores each event once, and each registration once per consumer, while all consumers move and come back', async () => {
      const { bus, told, sendFeatureUsageLog, sendUserRegistration } = await open(hasTransactions);
      const day = hasTransactions ? '2026-11-01' : '2026-11-02';
      let sent = 0;
      const sendAll = async (): Promise<void> => {
        while (sent < EVENTS) {
          const n = sent++;
          const id = `${mark}-${n}`;
          await sendFeatureUsageLog(usageOf(`${mark}-user-${n % 20}`), { id });
          if (n % 10 === 0) await sendFeatureUsageLog(usageOf(`${mark}-user-${n % 20}`), { id }); // repeated
          if (n >= REGISTRATIONS) continue;
          const user = `${mark}-${n}`;
          const registration = { user, email: `${user}@example.com`, time: `${day}T10:00:00Z` };
          await sendUserRegistration(registration, { id: `${mark}-registration-${n}` });
        }
      };
      const sending = Promise.all(Array.from({ length: 8 }, sendAll));
      for (const broker of ['kafka', 'rabbitmq', 'kafka'] satisfies BrokerName[])
        await Promise.all(CONSUMERS.map((name) => bus.consumer(name).move(broker)));
      await sending;

      const users = new RegExp(`^${mark}-user-`);
      await until(async () => (await logsOf(users)).length >= EVENTS);
      await until(async () => (await opened.registrations.countOf(day)) >= REGISTRATIONS);
      const welcomes = connection.collection<{ _id: string }>('welcomes');
      const isWelcome = { _id: new RegExp(`^${mark}-`) };
      await until(async () => (await welcomes.countDocuments(isWelcome)) >= REGISTRATIONS);
      const wanted = Array.from({ length: EVENTS }, (_, n) => `${mark}-${n}`).sort();
      expect((await logsOf(users)).map(({ messageId }) => messageId).sort()).toEqual(wanted);
      expect(await opened.registrations.countOf(day)).toBe(REGISTRATIONS);
      expect(await welcomes.countDocuments(isWelcome)).toBe(REGISTRATIONS);
      expect(told.items).toEqual([]);
    }, 120_000);

    test('a log that is there already is done; a duplicate key of another index is retried and given up', async () => {
      const { told, sendFeatureUsageLog } = await open(hasTransactions);
      const logs = connection.collection('feature_usage_logs');
      const guarded = `guarded-${mark}`;
      const index = await logs.createIndex(
        { email: 1 },
        { unique: true, partialFilterExpression: { feature_endpoint: guarded } },
      );
      const there = { ...usageOf(`${mark}-there`), status: 'success', time: new Date() } as const;
      await opened.usage.insert({ ...there, messageId: `${mark}-there` }); // and its inbox knows nothing of it
      const twice = { ...usageOf(`${mark}-twice`), feature_endpoint: guarded };
      await sendFeatureUsageLog(usageOf(`${mark}-there`), { id: `${mark}-there` });
      await sendFeatureUsageLog(twice, { id: `${mark}-first` });
      await sendFeatureUsageLog(twice, { id: `${mark}-second` });

      const end = `dead-lettered feature-usage ${mark}-second`;
      await told.first((line) => line === end);
      const attempts = Array.from({ length: 4 }, () => `attempt-failed feature-usage ${mark}-second`);
      expect(told.items).toEqual([...attempts, end]);
      expect(await logsOf(new RegExp(`^${mark}-there$`))).toHaveLength(1);
      expect(await logsOf(new RegExp(`^${mark}-twice$`))).toHaveLength(1);
      await logs.dropIndex(index);
    }, 60_000);
  });

  test.each(['rabbitmq', 'kafka'] as const)(
    'what is invalid on %s is dropped and logged without what it held, and what follows is stored',
    async (broker) => {
      const lines = createRecorder<Record<string, unknown>>('lines of the log');
      const stream = { write: (line: string) => void lines.add(JSON.parse(line)) };
      const { bus, sendFeatureUsageLog } = await open(false, { logger: createLogger({ stream }) });
      await bus.consumer('feature-usage').move(broker);
      const { bus: foreign } = await openModules([], { env }); // it knows no schema
      buses.push(foreign);
      const user = `invalid-${broker}`;
      const bad = { ...usageOf(user), email: 'hunter22 is no address' };
      await foreign.publish('feature_usage_topic', bad, { id: `bad-${broker}`, key: user });
      await sendFeatureUsageLog(usageOf(user), { id: `good-${broker}` });

      const line = await lines.first(({ event, id }) => event === 'dropped' && id === `bad-${broker}`);
      expect(line).toMatchObject({ level: 'warn', consumer: 'feature-usage' });
      expect(line.msg).toMatch(/email/);
      await until(async () => (await logsOf(new RegExp(`^${user}$`))).length > 0);
      expect(await logsOf(new RegExp(`^${user}$`))).toMatchObject([{ messageId: `good-${broker}` }]);
      expect(JSON.stringify(lines.items)).not.toContain('hunter22');
    },
    60_000,
  );
});
