import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { UNPACKED_MAX_BYTES } from '../../../src/adapters/kafka/codecs.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { createBus } from '../../../src/container.js';
import type { BusEvents } from '../../../src/contract/events.js';
import { HEADERS } from '../../../src/messages/header-names.js';
import { deadLetterTopicOf } from '../../../src/messages/names.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  closeBrokersAfterEach,
  openBroker,
  Recorder,
  silentLogger,
  someConsumer,
  someTopic,
} from './kafka-harness.js';

describeWithServers('Kafka skipping by the watched file', { shared: ['kafka'] }, ({ kafka }) => {
  closeBrokersAfterEach();
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  test('an added entry steps over the batch that is stuck there; one where nothing is stuck is told', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'buscoupler-skip-'));
    closers.push(() => rm(folder, { recursive: true }));
    const file = join(folder, 'buscoupler.config.json');
    const topic = someTopic({ partitions: 1 });
    const handled = new Recorder<string | null>();
    const consumer = someConsumer(topic, { handle: ({ key }) => handled.add(key) });
    const listing = (skip: readonly string[]): string =>
      JSON.stringify({ consumers: { [consumer.name]: { kafka: { skip } } } });
    await writeFile(file, listing([]));
    const config = await loadConfig(
      { KAFKA_ENABLED: 'true', KAFKA_BROKERS: kafka.brokers.join(',') },
      { cwd: folder },
    );
    const bus = await createBus({ config, topics: [topic], consumers: [consumer], logger: silentLogger });
    const told = new Recorder<
      BusEvents['partition-paused'] | BusEvents['partition-resumed'] | BusEvents['warning']
    >();
    for (const name of ['partition-paused', 'partition-resumed', 'warning'] as const) {
      bus.on(name, (event) => told.add(event));
    }
    closers.push(() => bus.close({ deadlineMs: 2_000 }));
    await bus.start({ consume: false });
    const producer = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    closers.push(() => producer.disconnect());
    await producer.send({
      topic: topic.name,
      compression: CompressionTypes.GZIP,
      messages: [{ key: 'bomb', value: Buffer.alloc(UNPACKED_MAX_BYTES + 1_000) }],
    });
    await producer.send({ topic: topic.name, messages: [{ key: 'behind', value: '{}' }] });
    await bus.consumer(consumer.name).start();
    await told.count(1);
    expect(told.items[0]).toMatchObject({ offset: '0', error: { code: 'BC_UNDECODABLE' } });

    await writeFile(file, listing([`${topic.name}/0/7`]));
    await told.count(2);
    expect(told.items[1]).toEqual({ what: expect.stringContaining(`"${topic.name}/0/7"`) });

    await writeFile(file, listing([`${topic.name}/0/0`]));
    await told.count(3);
    expect(told.items[2]).toMatchObject({ firstOffset: '0', lastOffset: '0', isStored: true });
    expect(await handled.count(1)).toEqual(['behind']);

    const { broker } = await openBroker(kafka.brokers);
    for await (const { message } of broker.letters(consumer)) {
      expect(message.position).toMatchObject({ topic: deadLetterTopicOf(consumer) });
      expect(message.headers).toMatchObject({
        [HEADERS.reason]: 'poison',
        [HEADERS.failedConsumer]: consumer.name,
        [HEADERS.originalPartition]: '0',
        [HEADERS.originalOffset]: '0',
      });
      handled.add('letter');
    }
    expect(handled.items).toEqual(['behind', 'letter']);
  });
});
