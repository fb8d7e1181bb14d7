import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkHistory } from '../../src/testing/index.js';
import { TRANSACTION_LIFETIME_S } from '../support/killable/definitions.js';
import type { Guarantee, KillPoint, Stop } from '../support/killable/plan.js';
import { EFFECT_IDS, runKillable } from '../support/killable/run-killable.js';
import { BAD_IDS, runKilledReplay } from '../support/killable/run-killed-replay.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { type MongodbServer, mongodbClient, startMongodb } from '../support/servers/mongodb.js';

/** Steps after which a killed process must not cost a second effect, whether effects are in transactions or not. */
const HARMLESS: [why: string, point: KillPoint, id: string][] = [
  ['an effect was recorded, before its message was let go of', 'before settling', 'good-6'],
  ['a copy for later was stored, before the inbox knew', 'copy stored', 'late-3'],
  [
    'a copy for later was stored and recorded, before the original was let go of',
    'before settling',
    'late-3',
  ],
  ['a dead letter was decided, before it was stored', 'burial decided', 'bad-4'],
  ['a dead letter was stored, before the inbox knew', 'letter stored', 'bad-4'],
  ['a dead letter was stored and recorded, before the original was let go of', 'before settling', 'bad-4'],
];

const needed = { shared: ['kafka', 'rabbitmq-4.0'], own: ['mongodb'] } as const;

describeWithServers('a process that is killed', needed, (servers) => {
  let mongodb: MongodbServer;
  beforeAll(async () => {
    mongodb = await startMongodb();
    const client = mongodbClient(mongodb.url);
    await client
      .db('admin')
      .command({ setParameter: 1, transactionLifetimeLimitSeconds: TRANSACTION_LIFETIME_S });
    await client.close();
  }, 60_000);
  afterAll(() => mongodb?.dispose());

  describe.each(['rabbitmq', 'kafka'] as const)('on %s', (broker) => {
    const addresses = () => ({
      kafka: servers.kafka.brokers.join(','),
      rabbitmq: servers['rabbitmq-4.0'].url,
      mongodb: mongodb.url,
    });
    const run = (guarantee: Guarantee, stop: Stop) =>
      runKillable({ broker, guarantee, stop, servers: addresses() });

    test.each(HARMLESS)(
      'after %s, costs nothing (scenario 2)',
      async (_, point, id) => {
        const { history, effects } = await run('record', { point, id });
        expect(checkHistory(history)).toEqual([]);
        expect([...effects].sort()).toEqual(EFFECT_IDS);
      },
      120_000,
    );

    test('between effect and record, repeats that one effect where there are no transactions', async () => {
      const { history, effects } = await run('record', { point: 'effect written', id: 'good-6' });
      expect(checkHistory(history)).toMatchObject([{ kind: 'DOUBLE', id: 'good-6' }]);
      expect([...effects].sort()).toEqual([...EFFECT_IDS, 'good-6'].sort());
    }, 120_000);

    test.each([
      ['between effect and commit', 'effect written'],
      ['after the commit, before the message was let go of', 'before settling'],
    ] as const)(
      'with transactions, %s, costs nothing',
      async (_, point) => {
        const { history, effects } = await run('transaction', { point, id: 'good-6' });
        expect(checkHistory(history)).toEqual([]);
        expect([...effects].sort()).toEqual(EFFECT_IDS);
      },
      120_000,
    );

    test('while it sends what the outbox holds, before that was marked as sent, costs nothing (C45)', async () => {
      const { history, effects } = await run('transaction', { point: 'outbox sent', id: 'good-6' });
      expect(checkHistory(history)).toEqual([]);
      expect([...effects].sort()).toEqual(EFFECT_IDS);
    }, 120_000);

    test('in the middle of a replay, after a copy was stored, before its letter was taken away, costs nothing', async () => {
      const stop: Stop = { point: 'copy stored', id: 'bad-3' };
      const plan = { broker, guarantee: 'record', stop, servers: addresses() } as const;
      const { history, effects } = await runKilledReplay(plan);
      expect(checkHistory(history)).toEqual([]);
      expect([...effects].sort()).toEqual(BAD_IDS);
    }, 120_000);

    test('without an inbox loses nothing and repeats what was not let go of', async () => {
      const { history, effects } = await run('none', { point: 'before settling', id: 'good-6' });
      const findings = checkHistory(history);
      expect(findings.filter(({ kind }) => kind !== 'DOUBLE')).toEqual([]);
      expect(findings.map(({ id }) => id)).toContain('good-6');
      expect([...new Set(effects)].sort()).toEqual(EFFECT_IDS);
    }, 120_000);
  });
});
