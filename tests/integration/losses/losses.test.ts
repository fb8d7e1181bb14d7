import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import {
  createBus,
  createLogger,
  defineTopic,
  loadConfig,
  type MessageBus,
  type TopicDefinition,
} from '../../../src/index.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type KafkaCluster, startKafka } from '../../support/servers/kafka.js';
import { createTopic, lostOf, partitionsByLeader, plainProducer } from './plain-kafkajs.js';

let cluster: KafkaCluster;
let made = 0;
const cleanups: (() => Promise<unknown>)[] = [];

const uniqueTopic = (stem: string): string => {
  made += 1;
  return `${stem}_${made}`;
};

/** A bus on the cluster and a topic that exists there; bodies are plain text, so that both sides store the same. */
async function openBus(name: string): Promise<{ bus: MessageBus; topic: TopicDefinition }> {
  const topic = defineTopic({ name, codec: 'bytes', kafka: { existing: true } });
  const bus = await createBus({
    config: await loadConfig(
      { KAFKA_ENABLED: 'true', KAFKA_BROKERS: cluster.brokers.join(','), KAFKA_REQUEST_TIMEOUT_MS: '1500' },
      { file: false },
    ),
    topics: [topic],
    logger: createLogger({ level: 'silent' }),
  });
  await bus.start();
  cleanups.push(() => bus.close());
  return { bus, topic };
}

/** Publishes all values at once; resolves with those that were acknowledged. */
async function publishAll(
  { bus, topic }: { bus: MessageBus; topic: TopicDefinition },
  values: readonly string[],
  keyOf: (value: string) => string | undefined = () => undefined,
): Promise<string[]> {
  const outcomes = await Promise.all(
    values.map(async (value) => {
      const key = keyOf(value);
      try {
        await bus.publish(topic, Buffer.from(value), {
          timeoutMs: 20_000,
          ...(key === undefined ? {} : { key }),
        });
        return [value];
      } catch {
        return [];
      }
    }),
  );
  return outcomes.flat();
}

const valuesOf = (stem: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${stem}${n}`);

const proxyOf = (node: number) => {
  const proxy = cluster.nodes[node]?.proxy;
  if (proxy === undefined) throw new Error(`node ${node} has no proxy`);
  return proxy;
};

describeWithServers('losses of kafkajs', { own: ['kafka'] }, () => {
  beforeAll(async () => {
    cluster = await startKafka({ brokers: 3, behindProxy: true });
  }, 120_000);

  afterEach(async () => {
    for (const clean of cleanups.splice(0).reverse()) await clean();
    await Promise.all(cluster.nodes.map(({ proxy }) => proxy?.heal()));
  }, 60_000);

  afterAll(() => cluster?.dispose(), 60_000);

  test('K1: a send over several partitions of which one is reset loses acknowledged messages with kafkajs', async () => {
    const topic = uniqueTopic('k1_plain');
    await createTopic(cluster, topic, { partitions: 7 });
    const producer = await plainProducer(cluster);
    cleanups.push(() => producer.disconnect());
    await producer.send({ topic, messages: [{ value: 'warm' }] });
    const fault = proxyOf(1).fault({ on: 'request', frame: 'produce', do: 'reset' });
    const values = valuesOf('m', 60);
    await producer.send({ topic, messages: values.map((value) => ({ value })) });
    expect(fault.hits).toBe(1);
    expect((await lostOf(cluster, topic, values)).length).toBeGreaterThan(0);
  }, 60_000);

  test('K1: through the bus the same reset loses nothing, with keys and without', async () => {
    const name = uniqueTopic('k1_bus');
    await createTopic(cluster, name, { partitions: 7 });
    const opened = await openBus(name);
    await publishAll(opened, ['warm']);
    const fault = proxyOf(1).fault({ on: 'request', frame: 'produce', do: 'reset' });
    const values = valuesOf('m', 60);
    const keyed = valuesOf('k', 60);
    const acked = [
      ...(await publishAll(opened, values)),
      ...(await publishAll(opened, keyed, (value) => `key-${value}`)),
    ];
    expect(fault.hits).toBe(1);
    expect(acked).toHaveLength(120);
    expect(await lostOf(cluster, name, acked)).toEqual([]);
  }, 60_000);

  test('K2: an idempotent producer whose one reply is swallowed loses an acknowledged message with kafkajs', async () => {
    const topic = uniqueTopic('k2_plain');
    await createTopic(cluster, topic, { partitions: 1 });
    const producer = await plainProducer(cluster, {
      idempotent: true,
      maxInFlightRequests: 5,
      requestTimeoutMs: 1_500,
    });
    cleanups.push(() => producer.disconnect());
    await producer.send({ topic, messages: [{ value: 'warm' }] });
    const faults = [0, 1, 2].map((node) =>
      proxyOf(node).fault({ on: 'reply', frame: 'produce', do: 'swallow' }),
    );
    const values = valuesOf('c', 10);
    await Promise.all(values.map((value) => producer.send({ topic, messages: [{ value }] })));
    expect(faults.reduce((sum, { hits }) => sum + hits, 0)).toBe(1);
    expect((await lostOf(cluster, topic, values)).length).toBeGreaterThan(0);
  }, 60_000);

  test('K2: through the bus a swallowed reply loses nothing', async () => {
    const name = uniqueTopic('k2_bus');
    await createTopic(cluster, name, { partitions: 1 });
    const opened = await openBus(name);
    await publishAll(opened, ['warm']);
    const faults = [0, 1, 2].map((node) =>
      proxyOf(node).fault({ on: 'reply', frame: 'produce', do: 'swallow' }),
    );
    const acked = await publishAll(opened, valuesOf('c', 10));
    expect(faults.reduce((sum, { hits }) => sum + hits, 0)).toBe(1);
    expect(acked).toHaveLength(10);
    expect(await lostOf(cluster, name, acked)).toEqual([]);
  }, 60_000);

  test('K3: after a send with one message too large the next one is acknowledged and lost with kafkajs', async () => {
    const topic = uniqueTopic('k3_plain');
    await createTopic(cluster, topic, { partitions: 6, config: { 'max.message.bytes': '2000' } });
    const [one = 0, other = 0] = [...(await partitionsByLeader(cluster, topic)).values()].find(
      (partitions) => partitions.length > 1,
    ) as number[];
    const producer = await plainProducer(cluster, { idempotent: true, retries: 1 });
    cleanups.push(() => producer.disconnect());
    const send = (value: string, partition: number) => ({ value, partition });
    await producer.send({ topic, messages: [send('warm', one), send('warm', other)] });
    const tooLarge = producer.send({ topic, messages: [send('x'.repeat(5_000), one), send('small', other)] });
    await expect(tooLarge).rejects.toThrow('larger than the max');
    const acked = valuesOf('next', 5);
    for (const value of acked) await producer.send({ topic, messages: [send(value, other)] });
    expect((await lostOf(cluster, topic, acked)).length).toBeGreaterThan(0);
  }, 60_000);

  test('K3: through the bus one message too large is refused and the next ones are stored', async () => {
    const name = uniqueTopic('k3_bus');
    await createTopic(cluster, name, { partitions: 6, config: { 'max.message.bytes': '40000' } });
    const opened = await openBus(name);
    const values = valuesOf('next', 30);
    const tooLarge = opened.bus.publish(opened.topic, Buffer.alloc(50_000, 'x'));
    const acked = await publishAll(opened, values);
    await expect(tooLarge).rejects.toMatchObject({ name: expect.stringMatching(/Error$/) });
    expect(acked).toEqual(values);
    expect(await lostOf(cluster, name, acked)).toEqual([]);
  }, 60_000);

  test('S1: a send to a partition that the metadata lacks is acknowledged and stores nothing with kafkajs', async () => {
    const topic = uniqueTopic('s1_plain');
    await createTopic(cluster, topic, { partitions: 1 });
    const producer = await plainProducer(cluster);
    cleanups.push(() => producer.disconnect());
    await producer.send({ topic, messages: [{ value: 'gone', partition: 5 }] });
    expect(await lostOf(cluster, topic, ['gone'])).toEqual(['gone']);
  }, 60_000);

  test('K10: through the bus the loss of connections while metadata is on its way loses nothing', async () => {
    const name = uniqueTopic('k10_bus');
    await createTopic(cluster, name, { partitions: 6 });
    const opened = await openBus(name);
    await publishAll(opened, ['warm']);
    const delays = [0, 1, 2].map((node) =>
      proxyOf(node).fault({ on: 'reply', frame: 'metadata', do: 'delay', delayMs: 300, times: 20 }),
    );
    const acked: string[] = [];
    for (const node of [0, 1, 2, 0]) {
      const publishing = publishAll(opened, valuesOf(`n${acked.length}_`, 50));
      proxyOf(node).reset();
      acked.push(...(await publishing));
    }
    expect(delays.reduce((sum, { hits }) => sum + hits, 0)).toBeGreaterThan(0);
    expect(acked).toHaveLength(200);
    expect(await lostOf(cluster, name, acked)).toEqual([]);
  }, 90_000);

  test('a broker that is killed and started again under load loses no acknowledged message', async () => {
    const name = uniqueTopic('killed');
    await createTopic(cluster, name, { partitions: 6 });
    const opened = await openBus(name);
    await publishAll(opened, ['warm']);
    const acked: string[] = [];
    let isOver = false;
    const load = (async () => {
      for (let round = 0; !isOver; round += 1)
        acked.push(...(await publishAll(opened, valuesOf(`r${round}_`, 100))));
    })();
    const node = cluster.nodes[1];
    await node?.kill();
    await node?.start();
    isOver = true;
    await load;
    expect(acked.length).toBeGreaterThan(100);
    expect(await lostOf(cluster, name, acked)).toEqual([]);
  }, 120_000);
});
