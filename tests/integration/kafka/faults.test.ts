import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { STORED } from '../../../src/contract/broker.js';
import type { AnyTopic } from '../../../src/contract/topic.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type KafkaCluster, type KafkaNode, startKafka } from '../../support/servers/kafka.js';
import {
  closeBrokersAfterEach,
  type OpenedBroker,
  openBroker,
  recordingSpec,
  send,
  someConsumer,
  someMessage,
  someTopic,
} from './kafka-harness.js';

const START_MS = 60_000;

describeWithServers('Kafka faults', { own: ['kafka'] }, () => {
  let cluster: KafkaCluster;
  let node: KafkaNode;
  beforeAll(async () => {
    cluster = await startKafka({ behindProxy: true });
    node = cluster.node(1);
  }, START_MS);
  afterAll(() => cluster?.dispose());
  afterEach(() => node.proxy?.heal());
  closeBrokersAfterEach();

  const proxy = () => node.proxy as NonNullable<KafkaNode['proxy']>;
  const open = (): Promise<OpenedBroker> => openBroker(cluster.brokers);

  /** Everything that was acknowledged is in the log, in order per key among first occurrences. */
  const expectStored = async (
    opened: OpenedBroker,
    topic: AnyTopic,
    _ids: readonly string[],
  ): Promise<void> => {
    const consumer = someConsumer(topic);
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    const { spec, deliveries, ids, distinct } = recordingSpec(consumer);
    await opened.broker.attach(spec);
    const wanted = new Set<string | null>(ids);
    await distinct(wanted.size);
    const seen = new Set<string | null>();
    const lastOfKey = new Map<string | null, number>();
    for (const { message } of deliveries.items) {
      if (seen.has(message.id)) continue;
      seen.add(message.id);
      const index = Number(message.id?.slice(2));
      expect(index).toBeGreaterThan(lastOfKey.get(message.key) ?? -1);
      lastOfKey.set(message.key, index);
    }
    expect(seen).toEqual(wanted);
  };

  const burst = (
    opened: OpenedBroker,
    topic: AnyTopic,
    { count, from = 0, timeoutMs = 20_000 }: { count: number; from?: number; timeoutMs?: number },
  ) => {
    const publisher = opened.broker.publisher({ kind: 'topic', topic });
    return Array.from({ length: count }, (_, index) =>
      send(publisher, someMessage(`m-${from + index}`, { key: `key-${index % 11}` }), timeoutMs),
    );
  };
  const idsTo = (count: number): string[] => Array.from({ length: count }, (_, index) => `m-${index}`);

  test.each(['swallow', 'reset'] as const)(
    'a produce reply that meets a %s costs no message and no order',
    async (fault) => {
      const opened = await openBroker(cluster.brokers, { settings: { requestTimeoutMs: 1_000 } });
      const topic = someTopic({ partitions: 4 });
      await opened.broker.provision({ topics: [topic], consumers: [] });
      const placed = proxy().fault({ on: 'reply', frame: 'produce', do: fault, after: 1 });
      const sent = [
        ...burst(opened, topic, { count: 1_500 }),
        ...burst(opened, topic, { count: 1_500, from: 1_500 }),
      ];
      await placed.happened;
      for (const { outcome } of sent) expect(await outcome).toBe(STORED);
      expect(placed.hits).toBe(1);
      await expectStored(opened, topic, idsTo(3_000));
    },
  );

  test('connections that are reset under load cost no message', async () => {
    const opened = await open();
    const topic = someTopic({ partitions: 4 });
    await opened.broker.provision({ topics: [topic], consumers: [] });
    const sent: ReturnType<typeof burst> = [];
    for (let round = 0; round < 5; round += 1) {
      sent.push(...burst(opened, topic, { count: 400, from: round * 400 }));
      await sent[round * 400]?.outcome;
      proxy().reset();
    }
    for (const { outcome } of sent) expect(await outcome).toBe(STORED);
    expect(proxy().seen.resets).toBeGreaterThan(0);
    await expectStored(opened, topic, idsTo(2_000));
  });

  test('a publish without an answer until its deadline is uncertain, and the next one works', async () => {
    const opened = await openBroker(cluster.brokers, { settings: { requestTimeoutMs: 1_000 } });
    const topic = someTopic({ partitions: 1 });
    await opened.broker.provision({ topics: [topic], consumers: [] });
    const [first] = burst(opened, topic, { count: 1 });
    await first?.outcome;
    const placed = proxy().fault({ on: 'reply', frame: 'produce', do: 'swallow' });
    const [lost] = burst(opened, topic, { count: 1, from: 1 });
    await placed.happened;
    expect(lost?.ticket.wasSent).toBe(true);
    lost?.ticket.abandon('BC_PUBLISH_TIMEOUT', 'No answer.');
    expect(await lost?.outcome).toMatchObject({ status: 'uncertain' });
    const [next] = burst(opened, topic, { count: 1, from: 2 });
    expect(await next?.outcome).toBe(STORED);
  });

  test('publishes wait for a broker that is away, and loss and recovery are told', async () => {
    const opened = await open();
    const topic = someTopic({ partitions: 4 });
    await opened.broker.provision({ topics: [topic], consumers: [] });
    await Promise.all(burst(opened, topic, { count: 10 }).map(({ outcome }) => outcome));
    await proxy().refuse();
    proxy().reset();
    const sent = burst(opened, topic, { count: 200, from: 10 });
    await opened.event('broker-lost');
    expect(opened.broker.health().state).toBe('down');
    await proxy().heal();
    for (const { outcome } of sent) expect(await outcome).toBe(STORED);
    await opened.event('broker-recovered');
    expect(opened.broker.health().state).toBe('up');
  });

  test('a consumer whose connections are reset goes on without a gap', async () => {
    const opened = await open();
    const topic = someTopic({ partitions: 4 });
    const consumer = someConsumer(topic);
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    const { spec, deliveries, ids, distinct } = recordingSpec(consumer);
    await opened.broker.attach(spec);
    for (let round = 0; round < 4; round += 1) {
      const sent = burst(opened, topic, { count: 250, from: round * 250 });
      await deliveries.count(round * 250 + 50);
      proxy().reset();
      for (const { outcome } of sent) expect(await outcome).toBe(STORED);
    }
    await distinct(1_000);
    expect(ids).toEqual(new Set(idsTo(1_000)));
  });

  const KILL_MS = 120_000;

  test(
    'a killed broker that comes back is published to and consumed from again',
    async () => {
      const opened = await open();
      const topic = someTopic({ partitions: 4 });
      const consumer = someConsumer(topic);
      await opened.broker.provision({ topics: [topic], consumers: [consumer] });
      const { spec, deliveries, distinct } = recordingSpec(consumer);
      const leg = await opened.broker.attach(spec);
      const before = burst(opened, topic, { count: 300, timeoutMs: KILL_MS });
      await deliveries.count(100);
      await node.kill();
      const during = burst(opened, topic, { count: 300, from: 300, timeoutMs: KILL_MS });
      await node.start();
      for (const { outcome } of [...before, ...during]) expect(await outcome).toBe(STORED);
      await distinct(600);
      expect(leg.status().state).toBe('live');
    },
    KILL_MS,
  );

  test(
    'a consumer whose broker stays away says so, and goes on when it is back',
    async () => {
      const opened = await open();
      const topic = someTopic({ partitions: 4 });
      const consumer = someConsumer(topic);
      await opened.broker.provision({ topics: [topic], consumers: [consumer] });
      const { spec, deliveries } = recordingSpec(consumer);
      const leg = await opened.broker.attach(spec);
      await proxy().refuse();
      proxy().reset();
      expect(await opened.event('consumer-failed')).toMatchObject({
        consumer: consumer.name,
        broker: 'kafka',
      });
      expect(leg.status()).toMatchObject({ state: 'recovering' });
      await proxy().heal();
      for (const { outcome } of burst(opened, topic, { count: 20 })) expect(await outcome).toBe(STORED);
      await deliveries.count(20);
      expect(leg.status()).toMatchObject({ state: 'live' });
    },
    KILL_MS,
  );

  test('a member that is told to leave while it joins leaves all the same', async () => {
    const opened = await open();
    const topic = someTopic();
    const consumer = someConsumer(topic);
    await opened.broker.provision({ topics: [topic], consumers: [consumer] });
    // The node has the member by now, and the member does not know it.
    const joining = proxy().fault({ on: 'reply', frame: 'sync-group', do: 'delay', delayMs: 500 });
    const attaching = opened.broker.attach(recordingSpec(consumer).spec).catch((error) => error);
    await joining.happened;
    await opened.broker.close({ deadlineMs: 8_000 });
    expect(await attaching).toMatchObject({ code: 'BC_LIFECYCLE' });
    const admin = new Kafka({ ...cluster.client, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { groups } = await admin.describeGroups([consumer.group]);
    await admin.disconnect();
    expect(groups[0]?.members).toEqual([]);
  });
});
