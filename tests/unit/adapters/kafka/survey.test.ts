import { expect, test } from '@jest/globals';
import type { AdminClient } from '../../../../src/adapters/kafka/driver.js';
import { surveyConsumer } from '../../../../src/adapters/kafka/survey.js';
import { billing } from '../../bus/harness.js';

/** A cluster by topic: end and commit of its one partition; a commit of -1 is none. */
function clusterOf(topics: Readonly<Record<string, { end: bigint; commit: bigint }>>) {
  const asked: string[] = [];
  const admin = {
    describe: async (topic: string) => (topic in topics ? [{ partition: 0, leader: 1, replicas: 1 }] : null),
    listTopics: async () => Object.keys(topics),
    edgeOffsets: async (topic: string, edge: string) =>
      topic in topics ? [{ partition: 0, offset: edge === 'first' ? 0n : topics[topic]?.end }] : [],
    groupOffsets: async (group: string, topic: string) => {
      asked.push(group);
      return [{ partition: 0, offset: topics[topic]?.commit }];
    },
    memberCount: async (group: string) => {
      asked.push(group);
      return 2;
    },
    readOne: async () => ({ records: [{ timestamp: '7' }] }),
  };
  return { admin: admin as unknown as AdminClient, asked };
}

const GROUPS = { __consumer_offsets: { end: 0n, commit: -1n } };

test('copies in topics of delays that were taken off the list count as retries', async () => {
  const { admin } = clusterOf({
    ...GROUPS,
    orders: { end: 5n, commit: 3n },
    'billing-group_retry_5s': { end: 4n, commit: 1n },
  });
  const seen = await surveyConsumer(admin, billing());
  expect(seen).toMatchObject({ waiting: 2, oldestAtMs: 7, retries: 3, readers: 2 });
});

test('a group that never committed has everything before it, or nothing if it starts at the end', async () => {
  const { admin } = clusterOf({ ...GROUPS, orders: { end: 5n, commit: -1n } });
  expect((await surveyConsumer(admin, billing())).waiting).toBe(5);
  const latest = billing({ kafka: { startFrom: 'latest' } });
  expect((await surveyConsumer(admin, latest)).waiting).toBe(0);
});

test('no group is asked for where Kafka would create its topic of groups', async () => {
  const { admin, asked } = clusterOf({ orders: { end: 5n, commit: 3n } });
  expect(await surveyConsumer(admin, billing())).toMatchObject({ waiting: 5, readers: 0 });
  expect(asked).toEqual([]);
});
