import { expect, test } from '@jest/globals';
import { STORED } from '../../../src/contract/broker.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  closeBrokersAfterEach,
  openBroker,
  recordingSpec,
  send,
  someConsumer,
  someMessage,
  someTopic,
} from './kafka-harness.js';

describeWithServers('Kafka round trip', { shared: ['kafka'] }, ({ kafka }) => {
  closeBrokersAfterEach();

  test('a published message is delivered with its key, body and headers', async () => {
    const { broker } = await openBroker(kafka.brokers);
    const topic = someTopic();
    const consumer = someConsumer(topic);
    await broker.provision({ topics: [topic], consumers: [consumer] });
    const message = someMessage('m-1', {
      key: 'user-ü',
      headers: { plain: 'text', raw: Buffer.from([0, 255]) },
    });
    expect(await send(broker.publisher({ kind: 'topic', topic }), message).outcome).toBe(STORED);

    const { spec, deliveries } = recordingSpec(consumer);
    const leg = await broker.attach(spec);
    const [delivery] = await deliveries.count(1);
    expect(delivery?.message).toMatchObject({ id: 'm-1', key: 'user-ü', timestampMs: message.timestampMs });
    expect(delivery?.message.body).toEqual(message.body);
    expect(delivery?.message.headers).toMatchObject({ plain: 'text', raw: Buffer.from([0, 255]) });
    expect(leg.status()).toMatchObject({ state: 'live', unsettled: 0 });
    await leg.detach({ deadlineMs: 2_000 });
    expect(await broker.depth(consumer)).toBe(0);
  });

  test('20,000 messages arrive, each once, in order per key', async () => {
    const { broker } = await openBroker(kafka.brokers);
    const topic = someTopic({ partitions: 6 });
    const consumer = someConsumer(topic);
    await broker.provision({ topics: [topic], consumers: [consumer] });
    const { spec, deliveries } = recordingSpec(consumer);
    await broker.attach(spec);
    const publisher = broker.publisher({ kind: 'topic', topic });
    const total = 20_000;
    const outcomes = Array.from({ length: total }, (_, index) =>
      send(publisher, someMessage(`m-${index}`, { key: `key-${index % 97}` })),
    );
    for (const { outcome } of outcomes) expect(await outcome).toBe(STORED);

    const all = await deliveries.count(total);
    expect(new Set(all.map(({ message }) => message.id)).size).toBe(total);
    const lastOfKey = new Map<string, number>();
    for (const { message } of all) {
      const index = Number(message.id?.slice(2));
      expect(index).toBeGreaterThan(lastOfKey.get(message.key as string) ?? -1);
      lastOfKey.set(message.key as string, index);
    }
    expect(all).toHaveLength(total);
  });
});
