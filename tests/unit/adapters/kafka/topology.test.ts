import { expect, test } from '@jest/globals';
import type { AdminClient, PartitionInfo } from '../../../../src/adapters/kafka/driver.js';
import { provisionTopology } from '../../../../src/adapters/kafka/topology.js';
import { defineConsumer } from '../../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../../src/contract/define-topic.js';
import { BuscouplerError } from '../../../../src/contract/errors.js';
import { createFakeClock } from '../../../../src/testing/fake-clock.js';

const PARTITIONS: readonly PartitionInfo[] = [{ partition: 0, leader: 1, replicas: 1 }];

/** Provides one existing topic at nodes that hear of it with the given look. */
async function provide(heardAt: number): Promise<{ looks: number; outcome: unknown }> {
  const clock = createFakeClock();
  let looks = 0;
  const admin = {
    brokerCount: async () => 1,
    describe: async () => {
      looks += 1;
      return looks < heardAt ? null : PARTITIONS;
    },
    topicConfig: async () => new Map<string, string>(),
  } as Partial<AdminClient> as AdminClient;
  const topic = defineTopic({ name: 'orders', kafka: { existing: true } });
  let outcome: unknown = 'pending';
  const context = {
    admin,
    clock,
    random: () => 0.5,
    emit: () => undefined,
    limitMs: 5_000,
    limits: new Map(),
  };
  provisionTopology(context, { topics: [topic], consumers: [] }).then(
    () => {
      outcome = 'provided';
    },
    (error: unknown) => {
      outcome = error;
    },
  );
  await clock.advance(5_000);
  return { looks, outcome };
}

test('an existing topic that a node has not heard of yet is looked for again', async () => {
  expect(await provide(4)).toMatchObject({ outcome: 'provided' });
});

test('an existing topic that is not there is told after a second', async () => {
  const { looks, outcome } = await provide(Number.POSITIVE_INFINITY);
  expect(outcome).toMatchObject({ code: 'BC_PLACE_MISSING' });
  expect(looks).toBe(5);
});

/** Provides a topic and the start of a group at nodes that have to hear of the topic first. */
async function provideGroup(nodes: Partial<AdminClient>): Promise<unknown[]> {
  const clock = createFakeClock();
  const committed: unknown[] = [];
  const admin = {
    brokerCount: async () => 3,
    describe: async () => PARTITIONS,
    topicConfig: async () => new Map<string, string>(),
    groupOffsets: async (_: string, topic: string) => [
      { partition: 0, offset: topic === 'orders' && committed.length === 0 ? -1n : 7n },
    ],
    isGroupEmpty: async () => true,
    edgeOffsets: async () => [{ partition: 0, offset: 7n }],
    commitGroupOffsets: async (_: string, offsets: unknown) => {
      committed.push(offsets);
    },
    ...nodes,
  } as Partial<AdminClient> as AdminClient;
  const topic = defineTopic({ name: 'orders' });
  const handle = (): undefined => undefined;
  const consumer = defineConsumer({ name: 'billing', topic, group: 'billing-group', handle });
  const context = { admin, clock, random: () => 0.5, emit: () => undefined, limitMs: 5_000 };
  const provided = provisionTopology(
    { ...context, limits: new Map() },
    { topics: [topic], consumers: [consumer] },
  );
  await clock.advance(1_000);
  await provided;
  return committed;
}

const START = [{ topic: 'orders', offsets: [{ partition: 0, offset: 7n }] }];

test('a leader that has not heard of its new topic is asked again for its edges', async () => {
  let looks = 0;
  const edgeOffsets = async () => {
    looks += 1;
    if (looks < 3) throw new BuscouplerError('BC_PLACE_MISSING', 'UNKNOWN_TOPIC_OR_PARTITION');
    return [{ partition: 0, offset: 7n }];
  };
  expect(await provideGroup({ edgeOffsets })).toEqual([START]);
});

test('a node that knows of no partitions does not make a group begin without a start', async () => {
  let [groupLooks, edgeLooks, commits] = [0, 0, 0];
  await provideGroup({
    groupOffsets: async (_, topic) => {
      if (topic !== 'orders') return [{ partition: 0, offset: 0n }];
      groupLooks += 1;
      return groupLooks === 1 ? [] : [{ partition: 0, offset: commits === 0 ? -1n : 7n }];
    },
    edgeOffsets: async () => {
      edgeLooks += 1;
      return edgeLooks === 1 ? [] : [{ partition: 0, offset: 7n }];
    },
    commitGroupOffsets: async (_, offsets) => {
      expect([offsets]).toEqual([START]);
      commits += 1;
    },
  });
  expect({ groupLooks, edgeLooks, commits }).toEqual({ groupLooks: 4, edgeLooks: 2, commits: 1 });
});
