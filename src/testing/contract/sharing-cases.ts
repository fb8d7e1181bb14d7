import assert from 'node:assert/strict';
import type { AnyConsumer } from '../../contract/consumer.js';
import type { MessageBus } from '../../contract/message-bus.js';
import type { TopicDefinition } from '../../contract/topic.js';
import type { ContractCase } from './contract-case.js';
import type { ContractRig } from './contract-rig.js';
import { openScene, topicOf, watch } from './scene.js';

const idsOf = (messages: readonly { readonly id: string }[]): string[] => messages.map(({ id }) => id).sort();

/** Publishes `count` messages in so many series, side by side, and returns their ids. */
async function publishSeries(
  bus: MessageBus,
  topic: TopicDefinition,
  { series, each }: { series: number; each: number },
): Promise<string[]> {
  const ids = Array.from({ length: series }, (_, one) =>
    Array.from({ length: each }, (_, number) => `s${one}-${number}`),
  );
  await Promise.all(
    ids.map(async (own) => {
      for (const id of own) await bus.publish(topic, { id }, { id });
    }),
  );
  return ids.flat().sort();
}

/** Starts one bus per instance, all with the same consumer, none with an inbox. */
async function openInstances(rig: ContractRig, topic: TopicDefinition, consumer: AnyConsumer, count: number) {
  const buses: MessageBus[] = [];
  for (let instance = 0; instance < count; instance += 1) {
    buses.push(await rig.openBus({ topics: [topic], consumers: [consumer], inbox: null }));
  }
  await Promise.all(buses.map((bus) => bus.start()));
  return buses;
}

/** Who gets what when consumers compete. */
export const sharingCases: readonly ContractCase[] = [
  {
    id: 'C03',
    title: 'of 100 publishers and 50 consumers the union is complete and nothing is delivered twice',
    timeoutMs: 90_000,
    async run(rig) {
      const topic = topicOf(rig, { kafka: { partitions: 12 } });
      const concurrency = Math.ceil(50 / rig.instances);
      const { consumer, handled } = watch(rig, topic, { concurrency });
      const [bus] = await openInstances(rig, topic, consumer, rig.instances);
      assert.ok(bus);
      const sent = await publishSeries(bus, topic, { series: 100, each: 10 });
      await handled.atLeast(sent.length);
      assert.deepEqual(idsOf(handled.items), sent);
    },
  },
  {
    id: 'C21',
    title: 'consumers of one group share the messages, and each of two groups gets all of them',
    async run(rig) {
      const topic = topicOf(rig);
      const shared = watch(rig, topic);
      const alone = watch(rig, topic);
      const [bus] = await openInstances(rig, topic, shared.consumer, 2);
      assert.ok(bus);
      await openInstances(rig, topic, alone.consumer, 1);
      const sent = await publishSeries(bus, topic, { series: 10, each: 20 });
      await Promise.all([shared.handled.atLeast(sent.length), alone.handled.atLeast(sent.length)]);
      assert.deepEqual(idsOf(shared.handled.items), sent);
      assert.deepEqual(idsOf(alone.handled.items), sent);
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
];
