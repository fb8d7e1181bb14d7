import { afterEach, expect, test } from '@jest/globals';
import { CompressionTypes, Kafka, logLevel, type Producer } from 'kafkajs';
import { UNPACKED_MAX_BYTES } from '../../../src/adapters/kafka/codecs.js';
import type { Delivery, StoredLetter } from '../../../src/contract/broker.js';
import { HEADERS } from '../../../src/messages/header-names.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  type BrokerChanges,
  closeBrokersAfterEach,
  type OpenedBroker,
  openBroker,
  recordingSpec,
  someConsumer,
  someMessage,
  someTopic,
  uniqueName,
} from './kafka-harness.js';

describeWithServers('Kafka batches that cannot be decoded', { shared: ['kafka'] }, ({ kafka }) => {
  closeBrokersAfterEach();
  let producer: Producer | undefined;
  afterEach(() => producer?.disconnect());

  /** A producer that is not ours, so that it may send what ours refuses. */
  const foreignProducer = async (): Promise<Producer> => {
    producer = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).producer({
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
    await producer.connect();
    return producer;
  };
  const bomb = Buffer.alloc(UNPACKED_MAX_BYTES + 1_000);

  test('a compression bomb stops its own partition, by name, and nothing else', async () => {
    const { broker, event } = await openBroker(kafka.brokers);
    const group = uniqueName('group');
    const topics = [someTopic({ partitions: 2 }), someTopic({ partitions: 1 })] as const;
    const [poisoned, other] = topics.map((topic) => someConsumer(topic, { group })) as [
      ReturnType<typeof someConsumer>,
      ReturnType<typeof someConsumer>,
    ];
    await broker.provision({ topics, consumers: [poisoned, other] });
    const sender = await foreignProducer();
    const plain = (partition: number, name: string, count: number) =>
      Array.from({ length: count }, (_, index) => ({ partition, key: name, value: `${name}-${index}` }));
    const topic = topics[0].name;
    await sender.send({ topic, messages: plain(0, 'before', 3) });
    await sender.send({
      topic,
      compression: CompressionTypes.GZIP,
      messages: [{ partition: 0, key: 'bomb', value: bomb }],
    });
    await sender.send({ topic, messages: plain(0, 'behind', 3) });
    await sender.send({ topic, messages: plain(1, 'beside', 3) });
    await sender.send({ topic: topics[1].name, messages: plain(0, 'elsewhere', 3) });

    const one = recordingSpec(poisoned);
    const two = recordingSpec(other);
    await Promise.all([broker.attach(one.spec), broker.attach(two.spec)]);
    const paused = await event('partition-paused');
    expect(paused).toMatchObject({ consumer: poisoned.name, topic, partition: 0, offset: '3' });
    expect(paused.error).toMatchObject({ code: 'BC_UNDECODABLE' });

    await two.deliveries.count(3);
    await sender.send({ topic, messages: plain(1, 'later', 5) });
    const keys = (await one.deliveries.until((items) => items.filter(isLater).length >= 5)).map(
      ({ message }) => message.key,
    );
    expect(new Set(keys)).toEqual(new Set(['before', 'beside', 'later']));
  });

  const isLater = ({ message }: { message: { key: string | null } }): boolean => message.key === 'later';

  /** A partition with three records, a bomb at offset 3, and three more behind it. */
  const stuckTopic = async ({ broker }: OpenedBroker) => {
    const topic = someTopic({ partitions: 1 });
    const consumer = someConsumer(topic);
    await broker.provision({ topics: [topic], consumers: [consumer] });
    const sender = await foreignProducer();
    const plain = (name: string) =>
      Array.from({ length: 3 }, (_, index) => ({ partition: 0, key: `${name}-${index}`, value: name }));
    await sender.send({ topic: topic.name, messages: plain('before') });
    const messages = [{ partition: 0, key: 'bomb', value: bomb }];
    await sender.send({ topic: topic.name, compression: CompressionTypes.GZIP, messages });
    await sender.send({ topic: topic.name, messages: plain('behind') });
    return { consumer, place: { topic: topic.name, partition: 0, offset: '3' } };
  };
  const keysOf = (deliveries: readonly Delivery[]) => deliveries.map(({ message }) => message.key);
  const ALL = ['before-0', 'before-1', 'before-2', 'behind-0', 'behind-1', 'behind-2'];
  const withLetters: BrokerChanges = {
    poisonLetterOf: ({ consumer, incoming }) => ({
      ...someMessage('poison', { headers: { [HEADERS.failedConsumer]: consumer.name } }),
      body: incoming.body,
    }),
  };

  test('while the group runs, skipping lets the partition flow and keeps the bytes as a dead letter', async () => {
    const opened = await openBroker(kafka.brokers, withLetters);
    const { consumer, place } = await stuckTopic(opened);
    const { spec, deliveries } = recordingSpec(consumer);
    const leg = await opened.broker.attach(spec);
    await opened.event('partition-paused');
    expect(await opened.broker.skip?.(consumer, { ...place, offset: '2' })).toBeNull();
    const skipped = { topic: place.topic, partition: 0, firstOffset: '3', lastOffset: '3', isStored: true };
    expect(await opened.broker.skip?.(consumer, place)).toEqual(skipped);
    expect(await opened.event('partition-resumed')).toEqual({ consumer: consumer.name, ...skipped });
    expect(keysOf(await deliveries.count(6))).toEqual(ALL);
    await leg.detach({ deadlineMs: 5_000 });
    expect(await opened.broker.depth(consumer)).toBe(0);
    const letters: StoredLetter[] = [];
    for await (const letter of opened.broker.letters(consumer)) letters.push(letter);
    expect(letters).toHaveLength(1);
    expect(letters[0]?.message.body?.length).toBeGreaterThan(60_000);
  });

  test('a batch that the settings name is stepped over by itself', async () => {
    const opened = await openBroker(kafka.brokers);
    const { consumer, place } = await stuckTopic(opened);
    const skip = [`${place.topic}/0/3`];
    const { spec, deliveries } = recordingSpec({ ...consumer, kafka: { ...consumer.kafka, skip } });
    await opened.broker.attach(spec);
    expect(keysOf(await deliveries.count(6))).toEqual(ALL);
    expect(await opened.event('partition-resumed')).toMatchObject({ isStored: false });
  });

  test('while the group is stopped, skipping moves its commit past the batch at which it stands, and nothing else', async () => {
    const opened = await openBroker(kafka.brokers, withLetters);
    const { consumer, place } = await stuckTopic(opened);
    const skip = async (offset: string) => opened.broker.skip?.(consumer, { ...place, offset });
    await expect(skip('3')).rejects.toMatchObject({
      code: 'BC_SKIP_REFUSED',
      message: expect.stringContaining('3 messages before it are not handled'),
    });
    const first = recordingSpec(consumer);
    const running = await openBroker(kafka.brokers);
    const leg = await running.broker.attach(first.spec);
    await first.deliveries.count(3);
    await expect(skip('3')).rejects.toMatchObject({ message: expect.stringContaining('has members') });
    await leg.detach({ deadlineMs: 5_000 });

    expect(await skip('5')).toBeNull();
    expect(await skip('3')).toMatchObject({ firstOffset: '3', lastOffset: '3', isStored: true });
    expect(await skip('3')).toBeNull();
    const second = recordingSpec(consumer);
    await running.broker.attach(second.spec);
    expect(keysOf(await second.deliveries.count(3))).toEqual(ALL.slice(3));
    expect(first.deliveries.items).toHaveLength(3);
  });

  test('a topic that the consumer does not read is refused', async () => {
    const { broker } = await openBroker(kafka.brokers);
    const consumer = someConsumer(someTopic());
    const place = { topic: 'elsewhere', partition: 0, offset: '0' };
    await expect(broker.skip?.(consumer, place)).rejects.toMatchObject({ code: 'BC_SKIP_REFUSED' });
  });
});
