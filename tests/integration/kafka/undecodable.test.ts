import { afterEach, expect, test } from '@jest/globals';
import { CompressionTypes, Kafka, logLevel, type Producer } from 'kafkajs';
import { UNPACKED_MAX_BYTES } from '../../../src/adapters/kafka/codecs.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  closeBrokersAfterEach,
  openBroker,
  recordingSpec,
  someConsumer,
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
});
