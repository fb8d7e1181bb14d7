import { expect, test } from '@jest/globals';
import { type Delivery, STORED } from '../../../src/contract/broker.js';
import type { AnyConsumer } from '../../../src/contract/consumer.js';
import type { AnyTopic } from '../../../src/contract/topic.js';
import { HEADERS } from '../../../src/messages/header-names.js';
import { isoTime } from '../../../src/messages/ids.js';
import { retryTopicOf } from '../../../src/messages/names.js';
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

/** How late a copy may come on a busy machine, ms. */
const LATE_MAX_MS = 10_000;

describeWithServers('Kafka retries', { shared: ['kafka'] }, ({ kafka }) => {
  closeBrokersAfterEach();

  const publish = async ({ broker }: OpenedBroker, topic: AnyTopic, id: string): Promise<void> => {
    const { outcome } = send(broker.publisher({ kind: 'topic', topic }), someMessage(id));
    expect(await outcome).toBe(STORED);
  };
  /** Stores a copy that waits for so long; returns when it is due. */
  const defer = async (
    { broker }: OpenedBroker,
    consumer: AnyConsumer,
    copy: { id: string; delayMs: number; dueMs?: number },
  ): Promise<number> => {
    const timestampMs = Date.now();
    const dueMs = copy.dueMs ?? timestampMs + copy.delayMs;
    const headers = { [HEADERS.attempt]: '2', [HEADERS.dueAt]: isoTime(dueMs) };
    const publisher = broker.publisher({ kind: 'retry', consumer, delayMs: copy.delayMs });
    const { outcome } = send(publisher, someMessage(copy.id, { headers, timestampMs }));
    expect(await outcome).toBe(STORED);
    return dueMs;
  };
  const provided = async (deferred: readonly (number | string)[]) => {
    const opened = await openBroker(kafka.brokers);
    const topic = someTopic({ partitions: 2 });
    const consumer = someConsumer(topic, { retry: { deferred } });
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    return { opened, topic, consumer };
  };
  const timed = (consumer: AnyConsumer, options: Parameters<typeof recordingSpec>[1] = {}) => {
    const times = new Map<string | null, number>();
    const isSettled = (delivery: Delivery): boolean => {
      times.set(delivery.message.id, Date.now());
      return options.isSettled?.(delivery) ?? true;
    };
    return { ...recordingSpec(consumer, { ...options, isSettled }), times };
  };

  test('a copy comes back to its consumer not before it is due, and soon after', async () => {
    const { opened, topic, consumer } = await provided(['2s']);
    const { spec, deliveries, times } = timed(consumer);
    await opened.broker.attach(spec);
    const dueMs = await defer(opened, consumer, { id: 'copy', delayMs: 2_000 });
    await publish(opened, topic, 'other');
    const [first] = await deliveries.count(2);
    expect(first?.message.id).toBe('other');
    expect(times.get('copy')).toBeGreaterThanOrEqual(dueMs);
    expect(times.get('copy')).toBeLessThan(dueMs + LATE_MAX_MS);
    expect(deliveries.items[1]?.message).toMatchObject({
      headers: { [HEADERS.attempt]: '2' },
      position: { topic: retryTopicOf(consumer, 2_000) },
    });
  });

  test('a copy that waits survives the end of the process', async () => {
    const { opened, consumer } = await provided(['4s']);
    const first = timed(consumer);
    const leg = await opened.broker.attach(first.spec);
    const dueMs = await defer(opened, consumer, { id: 'copy', delayMs: 4_000 });
    await leg.detach({ deadlineMs: 5_000 });
    await opened.broker.close({ deadlineMs: 1_000 });
    expect(first.deliveries.items).toHaveLength(0);

    const again = await openBroker(kafka.brokers);
    const second = timed(consumer);
    await again.broker.attach(second.spec);
    await second.deliveries.count(1);
    expect(second.times.get('copy')).toBeGreaterThanOrEqual(dueMs);
  });

  test('a long delay holds up neither a shorter one nor the topic, and takes no capacity', async () => {
    const { opened, topic, consumer } = await provided(['1s', '1h']);
    const { spec, deliveries } = timed(consumer, { capacity: 1 });
    const leg = await opened.broker.attach(spec);
    for (const id of ['a', 'b', 'c']) await defer(opened, consumer, { id: `hour-${id}`, delayMs: 3_600_000 });
    for (const id of ['a', 'b', 'c']) await defer(opened, consumer, { id: `second-${id}`, delayMs: 1_000 });
    await publish(opened, topic, 'fresh');
    const ids = (await deliveries.count(4)).map(({ message }) => message.id);
    expect(new Set(ids)).toEqual(new Set(['fresh', 'second-a', 'second-b', 'second-c']));
    expect(leg.status()).toMatchObject({ unsettled: 0, waiting: 3 });
    await leg.detach({ deadlineMs: 5_000 });
    expect(await opened.broker.depth(consumer)).toBe(3);
  });

  test('a copy for at once comes at once', async () => {
    const { opened, consumer } = await provided(['1h']);
    const { spec, deliveries } = timed(consumer);
    await opened.broker.attach(spec);
    await defer(opened, consumer, { id: 'replay', delayMs: 0, dueMs: Date.now() + 3_600_000 });
    await deliveries.count(1);
  });

  test('a draining leg reads copies only; a live one that comes takes over when it leaves', async () => {
    const { opened, topic, consumer } = await provided(['1s']);
    const draining = timed(consumer);
    const leg = await opened.broker.attach({ ...draining.spec, role: 'draining' });
    expect(leg.status().state).toBe('draining');
    await publish(opened, topic, 'fresh');
    await defer(opened, consumer, { id: 'copy', delayMs: 1_000 });
    await draining.deliveries.count(1);
    expect([...draining.ids]).toEqual(['copy']);

    const live = timed(consumer);
    await opened.broker.attach(live.spec);
    await live.deliveries.count(1);
    await defer(opened, consumer, { id: 'late', delayMs: 1_000 });
    await draining.deliveries.count(2);
    await leg.detach({ deadlineMs: 5_000 });
    await defer(opened, consumer, { id: 'later', delayMs: 1_000 });
    await live.deliveries.count(2);
    expect([...draining.ids]).toEqual(['copy', 'late']);
    expect([...live.ids]).toEqual(['fresh', 'later']);
  });

  test('a delay that was taken out of the list is read until it is empty', async () => {
    const { opened, topic, consumer } = await provided(['1s', '3s']);
    const dueMs = await defer(opened, consumer, { id: 'old', delayMs: 3_000 });
    await opened.broker.close({ deadlineMs: 1_000 });

    const again = await openBroker(kafka.brokers);
    const { name, group, kafka: settings } = consumer;
    const changed = someConsumer(topic, { name, group, kafka: settings, retry: { deferred: ['1s'] } });
    await again.broker.provision({ topics: [topic], consumers: [changed] });
    const { spec, deliveries, times } = timed(changed);
    await again.broker.attach(spec);
    await deliveries.count(1);
    expect(times.get('old')).toBeGreaterThanOrEqual(dueMs);
  });

  test('a retry topic that only one of two members knows is read', async () => {
    const { opened, topic, consumer } = await provided(['1s']);
    const old = timed(consumer);
    await opened.broker.attach(old.spec);
    const { name, group, kafka: settings } = consumer;
    const changed = someConsumer(topic, { name, group, kafka: settings, retry: { deferred: ['1s', '2s'] } });
    const newer = await openBroker(kafka.brokers);
    await newer.broker.provision({ topics: [topic], consumers: [changed] });
    const added = timed(changed);
    await newer.broker.attach(added.spec);
    for (const id of ['a', 'b', 'c', 'd']) await defer(newer, changed, { id, delayMs: 2_000 });
    await added.distinct(4);
    expect(old.ids.size).toBe(0);
  });

  test('retry topics take after the topic of their consumer and are made once', async () => {
    const opened = await openBroker(kafka.brokers);
    const topic = someTopic({ partitions: 2, config: { 'max.message.bytes': '200000' } });
    const consumer = someConsumer(topic, {
      retry: { deferred: ['20d'] },
      kafka: { retryPrefix: uniqueName('p') },
    });
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    const made = opened.events.items.flatMap(({ name, event }) =>
      name === 'place-created' && 'kind' in event && event.kind === 'retry'
        ? [(event as { name: string }).name]
        : [],
    );
    expect(made.sort()).toEqual([retryTopicOf(consumer, 0), retryTopicOf(consumer, 20 * 86_400_000)].sort());
    const publisher = opened.broker.publisher({ kind: 'retry', consumer, delayMs: 0 });
    expect(publisher.maxMessageBytes).toBeGreaterThan(200_000);
  });
});
