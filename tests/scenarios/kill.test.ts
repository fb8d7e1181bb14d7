import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkHistory } from '../../src/testing/index.js';
import type { KillPlan, Stop } from '../support/killable/plan.js';
import { IDS, runKillable } from '../support/killable/run-killable.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { type MongodbServer, startMongodb } from '../support/servers/mongodb.js';

const needed = { shared: ['kafka', 'rabbitmq-4.0'], own: ['mongodb'] } as const;

describeWithServers('a process that is killed', needed, (servers) => {
  let mongodb: MongodbServer;
  beforeAll(async () => {
    mongodb = await startMongodb();
  }, 60_000);
  afterAll(() => mongodb?.dispose());

  const run = (plan: Pick<KillPlan, 'broker' | 'guarantee'> & { stop: Stop }) =>
    runKillable({
      ...plan,
      servers: {
        kafka: servers.kafka.brokers.join(','),
        rabbitmq: servers['rabbitmq-4.0'].url,
        mongodb: mongodb.url,
      },
    });

  describe.each(['rabbitmq', 'kafka'] as const)('on %s', (broker) => {
    test('without an inbox: at least once, whatever repeats is told', async () => {
      const stop: Stop = { point: 'before settling', id: 'good-6' };
      const { history, effects } = await run({ broker, guarantee: 'none', stop });
      const findings = checkHistory(history);
      expect(findings.filter(({ kind }) => kind !== 'DOUBLE')).toEqual([]);
      expect(findings.map(({ id }) => id)).toContain('good-6');
      expect(new Set(effects)).toEqual(
        new Set([...IDS.filter((id) => id !== 'bad-4'), 'late-12', 'late-13', 'late-14']),
      );
    }, 120_000);
  });
});
