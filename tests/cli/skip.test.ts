import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { UNPACKED_MAX_BYTES } from '../../src/adapters/kafka/codecs.js';
import { defineTopic, loadConfig, openDesk } from '../../src/index.js';
import {
  closeBrokersAfterEach,
  openBroker,
  recordingSpec,
  silentLogger,
  someConsumer,
  uniqueName,
} from '../integration/kafka/kafka-harness.js';
import { ROOT, runProgram } from '../support/run-program.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';

const INDEX = pathToFileURL(join(ROOT, 'src/index.ts')).href;

describeWithServers('buscoupler skip on a real Kafka', { shared: ['kafka'] }, ({ kafka }) => {
  closeBrokersAfterEach();
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** A consumer, its topic and a file that the command line reads. */
  const openPlaces = async () => {
    const topic = defineTopic({ name: uniqueName('orders'), kafka: { partitions: 1 } });
    const consumer = someConsumer(topic);
    const { name, group, kafka: settings } = consumer;
    const folder = await mkdtemp(join(tmpdir(), 'buscoupler-skip-'));
    closers.push(() => rm(folder, { recursive: true }));
    const file = join(folder, 'bus.mjs');
    await writeFile(
      file,
      `import { defineConsumer, defineTopic, loadConfig } from '${INDEX}';
const topic = defineTopic({ name: '${topic.name}', kafka: { partitions: 1 } });
const options = { name: '${name}', topic, group: '${group}', kafka: ${JSON.stringify(settings)} };
const consumer = defineConsumer({ ...options, handle: () => undefined });
export default async () => ({
  config: await loadConfig({ KAFKA_ENABLED: 'true', KAFKA_BROKERS: '${kafka.brokers.join(',')}' }, { file: false }),
  topics: [topic], consumers: [consumer],
});`,
    );
    const cli = (...args: string[]) =>
      runProgram([process.execPath, '--import', 'tsx', 'src/cli/main.ts', ...args, '--config', file]);
    return { topic, consumer, cli };
  };

  test('is a preview, refused while the group runs, and lets the group go on behind the batch', async () => {
    const { topic, consumer, cli } = await openPlaces();
    const { broker, event } = await openBroker(kafka.brokers);
    await broker.provision({ topics: [topic], consumers: [consumer] });
    const producer = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    closers.push(() => producer.disconnect());
    await producer.send({ topic: topic.name, messages: [{ key: 'before', value: '{}' }] });
    const bomb = { key: 'bomb', value: Buffer.alloc(UNPACKED_MAX_BYTES + 1_000) };
    await producer.send({ topic: topic.name, compression: CompressionTypes.GZIP, messages: [bomb] });
    await producer.send({ topic: topic.name, messages: [{ key: 'behind', value: '{}' }] });
    const first = recordingSpec(consumer);
    const leg = await broker.attach(first.spec);
    await first.deliveries.count(1);
    const { offset } = await event('partition-paused');
    const position = `${topic.name}/0/${offset}`;

    const refused = await cli('skip', consumer.name, position, '--execute', '--json');
    expect(refused).toMatchObject({ code: 3, stdout: '' });
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'BC_SKIP_REFUSED' } });
    await leg.detach({ deadlineMs: 5_000 });

    const batch = { topic: topic.name, partition: 0, firstOffset: '1', lastOffset: '1' };
    for (const times of [1, 2]) {
      const preview = await cli('skip', consumer.name, position, '--json');
      expect({ times, code: preview.code }).toEqual({ times, code: 2 });
      expect(JSON.parse(preview.stdout)).toEqual({ end: 'preview', batch: { ...batch, isStored: false } });
    }
    const done = await cli('skip', consumer.name, position, '--execute', '--json');
    expect(JSON.parse(done.stdout)).toEqual({ end: 'done', batch: { ...batch, isStored: true } });
    expect(await cli('skip', consumer.name, position, '--execute')).toEqual({
      code: 0,
      signal: null,
      stdout: 'Nothing is stuck there.\n',
      stderr: '',
    });
    const letters = JSON.parse((await cli('dead-letters', 'list', '--json')).stdout);
    expect(letters).toMatchObject({ letters: [{ consumer: consumer.name, reason: 'poison' }] });
    const second = recordingSpec(consumer);
    await broker.attach(second.spec);
    expect((await second.deliveries.count(1)).map(({ message }) => message.key)).toEqual(['behind']);
  }, 120_000);

  test('a position that is none, a topic that the consumer does not read, and an unknown consumer are told apart', async () => {
    const { topic, consumer, cli } = await openPlaces();
    const { broker } = await openBroker(kafka.brokers);
    await broker.provision({ topics: [topic], consumers: [consumer] });
    const config = await loadConfig(
      { KAFKA_ENABLED: 'true', KAFKA_BROKERS: kafka.brokers.join(',') },
      { file: false },
    );
    const desk = await openDesk({ config, topics: [topic], consumers: [consumer], logger: silentLogger });
    closers.push(() => desk.close());
    const skip = (position: string, name = consumer.name) => desk.skip({ consumer: name, position });
    await expect(skip('orders/0')).rejects.toMatchObject({ code: 'BC_DEFINITION_INVALID' });
    await expect(skip('elsewhere/0/0')).rejects.toMatchObject({ code: 'BC_SKIP_REFUSED' });
    await expect(skip(`${topic.name}/0/0`, 'nobody')).rejects.toMatchObject({ code: 'BC_CONSUMER_UNKNOWN' });
    expect(await skip(`${topic.name}/0/0`)).toEqual({ end: 'preview', batch: null });
    expect((await cli('skip', consumer.name)).code).toBe(64);
    expect((await cli('skip', consumer.name, 'orders/0')).code).toBe(64);
  }, 60_000);
});
