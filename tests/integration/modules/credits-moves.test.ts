import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import { type BrokerName, createBus, createLogger, loadConfig } from '../../../src/index.js';
import {
  type CreditsProcessModule,
  creditsProcessModule,
} from '../../../src/modules/credits-process/credits-process.module.js';
import { mongoCreditsStore } from '../../../src/modules/credits-process/credits-process.mongo.js';
import type { CreditsMessage } from '../../../src/modules/credits-process/credits-process.schema.js';
import { mongoInbox } from '../../../src/mongo.js';
import { createRecorder } from '../../../src/testing/index.js';
import { balancesOf } from '../../support/credits/reference.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../../support/servers/find-servers.js';
import { connectMongoose } from '../inbox/mongo-store.js';

const USERS = 10;
const REQUESTS = 200;

/** The module at places of its own: the servers are shared. */
function atOwnPlaces({ topics, consumers }: CreditsProcessModule, onDone: (id: string) => void) {
  const suffix = randomUUID().slice(0, 8);
  const own = topics.map((topic) => ({
    ...topic,
    kafka: { topic: `${topic.name}_${suffix}`, partitions: 3, replicationFactor: 1 },
    rabbitmq: { exchange: `${topic.name}_${suffix}` },
  }));
  return {
    topics: own,
    consumers: consumers.map((consumer) => ({
      ...consumer,
      topic: own.find(({ name }) => name === consumer.topic.name) ?? consumer.topic,
      group: `${consumer.group}-${suffix}`,
      handle: (async (message, context) => {
        const result = await consumer.handle(message, context);
        onDone(message.id);
        return result;
      }) satisfies typeof consumer.handle,
    })),
  };
}

const messageOf = (n: number, units: number): CreditsMessage => {
  const whose = { request: `r${n}`, user: `u${n % USERS}` };
  const models = [
    { model: 'small', units, price: 3 },
    { model: 'large', units: n, price: 7 },
  ] as const;
  return n % 2 === 0
    ? { kind: 'single', ...whose, ...models[0] }
    : { kind: 'multi', ...whose, models: [...models] };
};

const SERVERS = { shared: ['kafka', 'rabbitmq-4.0'], own: ['mongodb'] } as const;

describeWithServers('credits on real brokers', SERVERS, (servers) => {
  let server: FoundServer<'mongodb'>;
  let connection: mongoose.Connection;
  beforeAll(async () => {
    server = await FIND.mongodb();
    connection = await connectMongoose(server.address.url);
  }, 60_000);
  afterAll(async () => {
    await connection?.dropDatabase();
    await connection?.close();
    await server?.dispose();
  });

  async function openModule(hasTransactions: boolean) {
    const module = creditsProcessModule({ store: mongoCreditsStore(connection), hasTransactions });
    await module.prepare();
    const done = createRecorder<string>('handled messages');
    const own = atOwnPlaces(module, (id) => done.add(id));
    const env = {
      KAFKA_ENABLED: 'true',
      KAFKA_BROKERS: servers.kafka.brokers.join(','),
      RABBITMQ_ENABLED: 'true',
      RABBITMQ_URL: servers['rabbitmq-4.0'].url,
      DEFAULT_BROKER: 'rabbitmq',
    };
    const bus = await createBus({
      ...own,
      config: await loadConfig(env, { file: false }),
      inbox: mongoInbox(connection),
      logger: createLogger({ level: 'silent' }),
    });
    await bus.start();
    return { bus, done, service: module.service, topics: own.topics };
  }

  test.each([
    ['in the transaction of the inbox', true],
    ['each write by itself', false],
  ])(
    'each message counts once while both consumers move there and back, %s',
    async (_, hasTransactions) => {
      await connection.dropDatabase();
      const { bus, done, service, topics } = await openModule(hasTransactions);
      const [startTopic, endTopic] = topics as [(typeof topics)[number], (typeof topics)[number]];
      const topUps = Array.from({ length: USERS }, (__, n) => ({
        id: `p${n}`,
        user: `u${n}`,
        amount: 1_000_000,
      }));
      for (const topUp of topUps) await service.topUp(topUp);

      const starts: CreditsMessage[] = [];
      const ends: CreditsMessage[] = [];
      const publishRequest = async (n: number): Promise<void> => {
        const [start, end] = [messageOf(n, 100), messageOf(n, n % 90)];
        starts.push(start);
        const begin = () => bus.publish(startTopic, start, { id: `start-${n}` });
        const finish = () => bus.publish(endTopic, end, { id: `end-${n}` });
        if (n % 10 === 9) return void (await begin()); // never ends
        ends.push(end);
        for (const publish of n % 3 === 0 ? [finish, begin] : [begin, finish]) await publish();
        if (n % 20 === 0) await Promise.all([begin(), finish()]);
      };
      let next = 0;
      const publishUntil = async (last: number): Promise<void> => {
        while (next < last) await publishRequest(next++);
      };
      const moveBoth = (to: BrokerName) =>
        Promise.all(['credits-process', 'credits-process-end'].map((name) => bus.consumer(name).move(to)));
      await publishUntil(REQUESTS / 4);
      await Promise.all([moveBoth('kafka'), publishUntil(REQUESTS / 2)]);
      await Promise.all([moveBoth('rabbitmq'), publishUntil(REQUESTS)]);

      const idsOf = (kind: string, messages: readonly CreditsMessage[]) =>
        messages.map(({ request }) => `${kind}-${request.slice(1)}`);
      const wanted = new Set([...idsOf('start', starts), ...idsOf('end', ends)]);
      await done.first((id) => {
        wanted.delete(id);
        return wanted.size === 0;
      });
      expect(await bus.close()).toEqual({ publishes: 0, deliveries: 0 });
      const balances = balancesOf({ topUps, starts, ends });
      for (const { user } of topUps) expect(await service.balanceOf(user)).toEqual(balances.get(user));
      expect((await service.balanceOf('u9')).reserved).toBeGreaterThan(0);
    },
    90_000,
  );
});
