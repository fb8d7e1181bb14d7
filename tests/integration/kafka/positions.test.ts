import { expect, test } from '@jest/globals';
import { STORED } from '../../../src/contract/broker.js';
import type { AnyTopic } from '../../../src/contract/topic.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  closeBrokersAfterEach,
  type OpenedBroker,
  openBroker,
  recordingSpec,
  send,
  someConsumer,
  someMessage,
  someTopic,
  uniqueName,
} from './kafka-harness.js';

describeWithServers('Kafka positions', { shared: ['kafka'] }, ({ kafka }) => {
  closeBrokersAfterEach();

  const publish = async (
    { broker }: OpenedBroker,
    topic: AnyTopic,
    ids: readonly string[],
  ): Promise<void> => {
    const publisher = broker.publisher({ kind: 'topic', topic });
    const sent = ids.map((id) => send(publisher, someMessage(id)));
    for (const { outcome } of sent) expect(await outcome).toBe(STORED);
  };
  const numbered = (count: number, prefix = 'm'): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

  test('a restart delivers again from the first unsettled message on', async () => {
    const first = await openBroker(kafka.brokers);
    const topic = someTopic({ partitions: 1 });
    const consumer = someConsumer(topic);
    await first.broker.provision({ topics: [topic], consumers: [consumer] });
    await publish(first, topic, numbered(100));
    const { spec, deliveries } = recordingSpec(consumer, {
      isSettled: ({ message }) => message.id !== 'm-40',
    });
    const leg = await first.broker.attach(spec);
    await deliveries.count(100);
    await leg.detach({ deadlineMs: 5_000 });
    expect(await first.broker.depth(consumer)).toBe(60);

    const second = await openBroker(kafka.brokers);
    const again = recordingSpec(consumer);
    await second.broker.attach(again.spec);
    const redelivered = await again.deliveries.count(60);
    expect(redelivered.map(({ message }) => message.id)).toEqual(numbered(100).slice(40));
  });

  test('a delivery that is settled late lets the commit pass all that was settled behind it', async () => {
    const opened = await openBroker(kafka.brokers);
    const topic = someTopic({ partitions: 1 });
    const consumer = someConsumer(topic);
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    await publish(opened, topic, numbered(50));
    const { spec, deliveries } = recordingSpec(consumer, {
      isSettled: ({ message }) => message.id !== 'm-0',
    });
    const leg = await opened.broker.attach(spec);
    const [held] = await deliveries.count(50);
    expect(leg.status().unsettled).toBe(1);
    held?.settle();
    held?.settle();
    expect(leg.status().unsettled).toBe(0);
    await leg.detach({ deadlineMs: 5_000 });
    expect(await opened.broker.depth(consumer)).toBe(0);
  });

  test('a new group begins with the messages that were there before it', async () => {
    const opened = await openBroker(kafka.brokers);
    const topic = someTopic();
    await opened.broker.provision({ topics: [topic], consumers: [] });
    await publish(opened, topic, numbered(30, 'old'));
    const consumer = someConsumer(topic);
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    expect(await opened.broker.depth(consumer)).toBe(30);
    const { spec, deliveries } = recordingSpec(consumer);
    await opened.broker.attach(spec);
    expect(await deliveries.count(30)).toHaveLength(30);
  });

  test('a new group that starts from latest gets what comes after it was provided', async () => {
    const opened = await openBroker(kafka.brokers);
    const topic = someTopic();
    await opened.broker.provision({ topics: [topic], consumers: [] });
    await publish(opened, topic, numbered(30, 'old'));
    const consumer = someConsumer(topic, { kafka: { startFrom: 'latest' } });
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    await publish(opened, topic, numbered(5, 'new'));
    const { spec, deliveries } = recordingSpec(consumer);
    await opened.broker.attach(spec);
    const ids = (await deliveries.count(5)).map(({ message }) => message.id);
    expect([...ids].sort()).toEqual(numbered(5, 'new'));
  });

  test('providing a group again leaves its commits as they are', async () => {
    const opened = await openBroker(kafka.brokers);
    const topic = someTopic({ partitions: 1 });
    const consumer = someConsumer(topic, { kafka: { startFrom: 'latest' } });
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    await publish(opened, topic, numbered(7));
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    expect(await opened.broker.depth(consumer)).toBe(7);
  });

  test('consumers of one group read their topics through one member, each its own', async () => {
    const opened = await openBroker(kafka.brokers);
    const group = uniqueName('group');
    const topics = [someTopic(), someTopic()] as const;
    const consumers = topics.map((topic) => someConsumer(topic, { group }));
    await opened.broker.provision({ topics, consumers });
    await publish(opened, topics[0], numbered(20, 'a'));
    await publish(opened, topics[1], numbered(20, 'b'));
    const specs = consumers.map((consumer) => recordingSpec(consumer));
    await Promise.all(specs.map(({ spec }) => opened.broker.attach(spec)));
    for (const [index, { deliveries }] of specs.entries()) {
      const all = await deliveries.count(20);
      const prefix = index === 0 ? 'a' : 'b';
      expect(all.map(({ message }) => message.id).sort()).toEqual(numbered(20, prefix).sort());
    }
  });

  test('a consumer that joins or leaves a running group costs the other one no message', async () => {
    const opened = await openBroker(kafka.brokers);
    const group = uniqueName('group');
    const topics = [someTopic(), someTopic()] as const;
    const [stays, comes] = topics.map((topic) => someConsumer(topic, { group })) as [
      ReturnType<typeof someConsumer>,
      ReturnType<typeof someConsumer>,
    ];
    await opened.broker.provision({ topics, consumers: [stays, comes] });
    const first = recordingSpec(stays);
    await opened.broker.attach(first.spec);
    await publish(opened, topics[0], numbered(50, 'before'));
    await first.deliveries.count(50);

    const second = recordingSpec(comes);
    const leg = await opened.broker.attach(second.spec);
    await publish(opened, topics[0], numbered(50, 'during'));
    await publish(opened, topics[1], numbered(5, 'other'));
    await first.deliveries.count(100);
    await second.deliveries.count(5);

    await leg.detach({ deadlineMs: 5_000 });
    await publish(opened, topics[0], numbered(50, 'after'));
    const all = await first.deliveries.count(150);
    expect(new Set(all.map(({ message }) => message.id)).size).toBe(150);
    expect(all).toHaveLength(150);
  });

  test('partitions are shared between two members, and taken over when one leaves', async () => {
    const opened = [await openBroker(kafka.brokers), await openBroker(kafka.brokers)] as const;
    const topic = someTopic({ partitions: 4 });
    const consumer = someConsumer(topic);
    await opened[0].broker.provision({ topics: [topic], consumers: [consumer] });
    const [one, two] = [recordingSpec(consumer), recordingSpec(consumer)];
    await opened[0].broker.attach(one.spec);
    const leg = await opened[1].broker.attach(two.spec);
    const ids = new Set<string | null>();
    const everything = numbered(400);
    await publish(opened[0], topic, everything);
    const seen = async (count: number): Promise<void> => {
      const all = (): number => {
        for (const { deliveries } of [one, two])
          for (const { message } of deliveries.items) ids.add(message.id);
        return ids.size;
      };
      await Promise.race([
        one.deliveries.until(() => all() >= count),
        two.deliveries.until(() => all() >= count),
      ]);
    };
    await seen(400);
    expect(two.deliveries.items.length).toBeGreaterThan(0);
    await leg.detach({ deadlineMs: 5_000 });
    await publish(opened[0], topic, numbered(400, 'late'));
    await seen(800);
    expect(two.deliveries.items.some(({ message }) => message.id?.startsWith('late'))).toBe(false);
  });
});
