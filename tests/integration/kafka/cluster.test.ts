import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { STORED } from '../../../src/contract/broker.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type KafkaCluster, startKafka } from '../../support/servers/kafka.js';
import {
  closeBrokersAfterEach,
  openBroker,
  recordingSpec,
  type Sent,
  send,
  someConsumer,
  someMessage,
  someTopic,
} from './kafka-harness.js';

const START_MS = 240_000;
const TIMEOUT_MS = 120_000;

describeWithServers('Kafka cluster', { own: ['kafka'] }, () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka({ brokers: 3 });
  }, START_MS);
  afterAll(() => cluster?.dispose());
  closeBrokersAfterEach();

  test(
    'brokers that are restarted one by one under load cost no acknowledged message and no order',
    async () => {
      const { broker } = await openBroker(cluster.brokers);
      const topic = someTopic({ partitions: 6 });
      const consumer = someConsumer(topic);
      await broker.provision({ topics: [topic], consumers: [consumer] });
      const { spec, deliveries, distinct } = recordingSpec(consumer);
      await broker.attach(spec);
      const publisher = broker.publisher({ kind: 'topic', topic });
      const sent: Sent[] = [];
      const burst = (count: number): Sent | undefined => {
        for (let left = count; left > 0; left -= 1) {
          const id = sent.length + 1;
          sent.push(send(publisher, someMessage(`m-${id}`, { key: `key-${id % 29}` }), TIMEOUT_MS));
        }
        return sent.at(-1);
      };
      for (const node of cluster.nodes) {
        await burst(500)?.outcome;
        const ended = node.id === 2 ? node.kill() : node.stop();
        // Some of these meet the node that goes away, some the leaders that take over.
        for (let round = 0; round < 20; round += 1) await burst(50)?.outcome;
        await ended;
        await burst(500)?.outcome;
        await node.start();
      }
      for (const { outcome } of sent) expect(await outcome).toBe(STORED);

      await distinct(sent.length);
      const seen = new Set<string | null>();
      const lastOfKey = new Map<string | null, number>();
      for (const { message } of deliveries.items) {
        if (seen.has(message.id)) continue;
        seen.add(message.id);
        const index = Number(message.id?.slice(2));
        expect(index).toBeGreaterThan(lastOfKey.get(message.key) ?? 0);
        lastOfKey.set(message.key, index);
      }
      expect(seen.size).toBe(sent.length);
    },
    START_MS,
  );
});
