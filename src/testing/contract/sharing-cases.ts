import assert from 'node:assert/strict';
import type { ConsumerDefinition } from '../../contract/consumer.js';
import type { MessageBus } from '../../contract/message-bus.js';
import type { TopicDefinition } from '../../contract/topic.js';
import type { ContractCase } from './contract-case.js';
import type { ContractRig } from './contract-rig.js';
import { openScene, topicOf, watch } from './scene.js';
import { idsOf, publishSeries } from './series.js';

/** Starts one bus per instance, all with the same consumer, none with an inbox. */
async function openInstances(
  rig: ContractRig,
  { topic, consumer, count }: { topic: TopicDefinition; consumer: ConsumerDefinition; count: number },
): Promise<MessageBus> {
  const buses = await Promise.all(
    Array.from({ length: count }, () => rig.openBus({ topics: [topic], consumers: [consumer], inbox: null })),
  );
  await Promise.all(buses.map((bus) => bus.start()));
  return buses[0] ?? assert.fail('no instance');
}

/** Who gets what when consumers compete. */
export const sharingCases: readonly ContractCase[] = [
  {
    id: 'C03',
    title: 'of 100 publishers and 50 consumers the union is complete and nothing is delivered twice',
    timeoutMs: 90_000,
    async run(rig) {
      const topic = topicOf(rig, { kafka: { partitions: 12 } });
      const { consumer, handled } = watch(rig, topic, { concurrency: Math.ceil(50 / rig.instances) });
      const bus = await openInstances(rig, { topic, consumer, count: rig.instances });
      const sent = await publishSeries(bus, topic, { series: 100, each: 10 });
      await handled.atLeast(sent.length);
      assert.deepEqual(idsOf(handled.items), sent);
    },
  },
  {
    id: 'C05',
    title: 'the same id published twice has one effect',
    async run(rig) {
      const { bus, topic, handled } = await openScene(rig);
      await bus.publish(topic, { try: 1 }, { id: 'same', key: 'k' });
      await bus.publish(topic, { try: 2 }, { id: 'same', key: 'k' });
      await bus.publish(topic, { try: 3 }, { id: 'after', key: 'k' });
      await handled.first(({ id }) => id === 'after');
      assert.deepEqual(
        handled.items.map(({ id, data }) => [id, data]),
        [
          ['same', { try: 1 }],
          ['after', { try: 3 }],
        ],
      );
    },
  },
  {
    id: 'C07',
    title: 'messages sent before the first start of a consumer are received',
    async run(rig) {
      const { bus, topic, consumer, handled } = await openScene(rig, { start: 'publish' });
      const sent = await publishSeries(bus, topic, { series: 1, each: 5 });
      await bus.consumer(consumer.name).start();
      await handled.atLeast(sent.length);
      assert.deepEqual(idsOf(handled.items), sent);
    },
  },
  {
    id: 'C21',
    title: 'consumers of one group share the messages, and each of two groups gets all of them',
    async run(rig) {
      const topic = topicOf(rig);
      const [shared, alone] = [watch(rig, topic), watch(rig, topic)];
      const bus = await openInstances(rig, { topic, consumer: shared.consumer, count: 2 });
      await openInstances(rig, { topic, consumer: alone.consumer, count: 1 });
      const sent = await publishSeries(bus, topic, { series: 10, each: 20 });
      await Promise.all([shared.handled.atLeast(sent.length), alone.handled.atLeast(sent.length)]);
      assert.deepEqual(idsOf(shared.handled.items), sent);
      assert.deepEqual(idsOf(alone.handled.items), sent);
    },
  },
];
