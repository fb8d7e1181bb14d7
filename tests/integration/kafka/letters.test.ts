import { afterEach, expect, test } from '@jest/globals';
import { CompressionTypes, Kafka, logLevel, type Producer } from 'kafkajs';
import { UNPACKED_MAX_BYTES } from '../../../src/adapters/kafka/codecs.js';
import { STORED, type StoredLetter } from '../../../src/contract/broker.js';
import type { AnyConsumer } from '../../../src/contract/consumer.js';
import { HEADERS } from '../../../src/messages/header-names.js';
import { deadLetterTopicOf } from '../../../src/messages/names.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  closeBrokersAfterEach,
  type OpenedBroker,
  openBroker,
  send,
  someConsumer,
  someMessage,
  someTopic,
} from './kafka-harness.js';

const START_MS = Date.now() - 3_600_000;

describeWithServers('Kafka dead letters', { shared: ['kafka'] }, ({ kafka }) => {
  closeBrokersAfterEach();
  let producer: Producer | undefined;
  afterEach(() => producer?.disconnect());

  const provided = async () => {
    const opened = await openBroker(kafka.brokers);
    const topic = someTopic({ partitions: 3 });
    const consumers = [someConsumer(topic), someConsumer(topic)] as const;
    await opened.broker.provision({ topics: [topic], consumers });
    return { opened, consumers };
  };
  /** Stores letters, each a second younger than the one before. */
  const bury = async ({ broker }: OpenedBroker, consumer: AnyConsumer, ids: readonly string[]) => {
    const publisher = broker.publisher({ kind: 'dead-letter', consumer });
    const sent = ids.map((id, index) => {
      const headers = { [HEADERS.failedConsumer]: consumer.name };
      const timestampMs = START_MS + index * 1_000;
      return send(publisher, someMessage(id, { key: id, headers, timestampMs }));
    });
    for (const { outcome } of sent) expect(await outcome).toBe(STORED);
  };
  const read = async ({ broker }: OpenedBroker, consumer: AnyConsumer, signal?: AbortSignal) => {
    const letters: StoredLetter[] = [];
    const options = signal === undefined ? {} : { signal };
    for await (const letter of broker.letters(consumer, options)) letters.push(letter);
    return letters;
  };
  const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `m-${index}`);
  const idsOf = (letters: readonly StoredLetter[]) => letters.map(({ message }) => message.id);

  test('they come oldest first across partitions, those of the consumer alone', async () => {
    const { opened, consumers } = await provided();
    await bury(opened, consumers[0], numbered(200));
    await bury(opened, consumers[1], ['other-0', 'other-1']);
    const letters = await read(opened, consumers[0]);
    expect(idsOf(letters)).toEqual(numbered(200));
    expect(
      new Set(letters.map(({ message: { position } }) => (position as { partition: number }).partition)).size,
    ).toBe(3);
    expect(letters[0]?.message).toMatchObject({
      key: 'm-0',
      position: { topic: deadLetterTopicOf(consumers[0]) },
    });
    expect(await letters[0]?.remove()).toBe(false);
    expect(idsOf(await read(opened, consumers[1]))).toEqual(['other-0', 'other-1']);
  });

  test('read 50 times, whole or in part, they are the same', async () => {
    const { opened, consumers } = await provided();
    await bury(opened, consumers[0], numbered(30));
    for (let round = 0; round < 50; round += 1) {
      if (round % 2 === 1) for await (const _ of opened.broker.letters(consumers[0])) break;
      expect(idsOf(await read(opened, consumers[0]))).toEqual(numbered(30));
    }
  });

  test('reading ends with the last letter that was there when it began, or when it is told to', async () => {
    const { opened, consumers } = await provided();
    await bury(opened, consumers[0], numbered(5));
    const seen: (string | null)[] = [];
    for await (const { message } of opened.broker.letters(consumers[0])) {
      if (seen.length === 0) await bury(opened, consumers[0], ['late-0', 'late-1']);
      seen.push(message.id);
    }
    expect(seen).toEqual(numbered(5));
    expect(await read(opened, consumers[0], AbortSignal.abort())).toEqual([]);
  });

  test('a letter that cannot be decoded is shown with its bytes, and the others too', async () => {
    const { opened, consumers } = await provided();
    await bury(opened, consumers[0], numbered(20));
    const foreign = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING });
    producer = foreign.producer({ createPartitioner: () => () => 1 });
    await producer.connect();
    await producer.send({
      topic: deadLetterTopicOf(consumers[0]),
      compression: CompressionTypes.GZIP,
      messages: [{ key: 'bomb', value: Buffer.alloc(UNPACKED_MAX_BYTES + 1_000) }],
    });
    await bury(opened, consumers[0], ['behind-0', 'behind-1', 'behind-2', 'behind-3']);
    const letters = await read(opened, consumers[0]);
    expect(new Set(idsOf(letters))).toEqual(
      new Set([...numbered(20), 'behind-0', 'behind-1', 'behind-2', 'behind-3', null]),
    );
    expect(letters).toHaveLength(25);
    const bad = letters.find(({ problem }) => problem !== undefined);
    expect(bad).toMatchObject({
      problem: expect.stringContaining('cannot be decoded'),
      message: { position: { partition: 1 } },
    });
    expect(bad?.message.body?.length).toBeGreaterThan(60_000);
  });

  test('without the topic, reading is refused by name', async () => {
    const opened = await openBroker(kafka.brokers);
    const consumer = someConsumer(someTopic());
    await expect(read(opened, consumer)).rejects.toMatchObject({ code: 'BC_PLACE_MISSING' });
  });
});
