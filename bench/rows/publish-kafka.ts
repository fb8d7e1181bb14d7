import type { Producer } from 'kafkajs';
import type { MessageBus } from '../../src/index.js';
import { openBus } from '../buses.js';
import { contest, type Side } from '../contest.js';
import { kafkaMessageOf } from '../hand-written.js';
import { createTopic, drainTopic, openProducer, removeTopics } from '../kafka-side.js';
import { callConcurrently, makeUsages, Tally, type Usage, usageTopic } from '../messages.js';
import { uniqueName } from '../names.js';
import type { BenchServers, Row, RowResult } from '../row.js';

/** Counts what a side sent over all rounds and compares it with the topic when the side is closed. */
function proofOf(servers: BenchServers, topic: string) {
  const sent = new Tally();
  return {
    sending: (usages: readonly Usage[]): readonly Usage[] => {
      for (const usage of usages) sent.add(Buffer.from(JSON.stringify(usage)));
      return usages;
    },
    check: async (): Promise<void> => {
      sent.mustEqual(await drainTopic(servers.kafka, topic, sent.count), topic);
      await removeTopics(servers.kafka, [topic]);
    },
  };
}

export function oursOnKafka(servers: BenchServers, name: string, callers: number): Side {
  const topic = usageTopic(name);
  const proof = proofOf(servers, name);
  let bus: MessageBus;
  return {
    name: 'bus.publish',
    open: async () => {
      bus = await openBus(servers, { brokers: ['kafka'], topics: [topic] });
    },
    round: (count) =>
      callConcurrently(proof.sending(makeUsages(count)), callers, (usage) => bus.publish(topic, usage)),
    close: async () => {
      await bus.close();
      await proof.check();
    },
  };
}

/** How kafkajs is used by hand. */
type Use = (producer: Producer, topic: string, usages: readonly Usage[]) => Promise<number>;

const BATCH = 500;

/** Batches of 500, each awaited before the next. */
const batches: Use = async (producer, topic, usages) => {
  const startedMs = performance.now();
  for (let at = 0; at < usages.length; at += BATCH) {
    await producer.send({ topic, acks: -1, messages: usages.slice(at, at + BATCH).map(kafkaMessageOf) });
  }
  return (usages.length * 1_000) / (performance.now() - startedMs);
};

const sends =
  (callers: number): Use =>
  (producer, topic, usages) =>
    callConcurrently(usages, callers, (usage) =>
      producer.send({ topic, acks: -1, messages: [kafkaMessageOf(usage)] }),
    );

function theirsOnKafka(servers: BenchServers, topic: string, use: Use): Side {
  const proof = proofOf(servers, topic);
  let producer: Producer;
  return {
    name: 'kafkajs by hand',
    open: async () => {
      await createTopic(servers.kafka, topic);
      producer = await openProducer(servers.kafka);
    },
    round: (count) => use(producer, topic, proof.sending(makeUsages(count))),
    close: async () => {
      await producer.disconnect();
      await proof.check();
    },
  };
}

interface Setting {
  readonly use: Use;
  readonly callers: number;
  readonly count: number;
  readonly goal: number;
  readonly stretch: number;
}

function publishRow(name: string, { use, callers, count, goal, stretch }: Setting): Row {
  return {
    name,
    needs: 'servers',
    run: async (servers): Promise<RowResult> => {
      const ours = oursOnKafka(servers, uniqueName('ours'), callers);
      const theirs = theirsOnKafka(servers, uniqueName('theirs'), use);
      const result = await contest(ours, theirs, { rounds: 5, count });
      return { name, unit: 'msg/s', ...result, goal, stretch, lessIsBetter: false };
    },
  };
}

export const publishKafkaRows: readonly Row[] = [
  publishRow('publish Kafka, 1,000 in flight / kafkajs batches of 500', {
    use: batches,
    callers: 1_000,
    count: 40_000,
    goal: 0.9,
    stretch: 1.2,
  }),
  publishRow('publish Kafka, 1,000 in flight / kafkajs 1,000 concurrent sends', {
    use: sends(1_000),
    callers: 1_000,
    count: 10_000,
    goal: 8,
    stretch: 11,
  }),
  publishRow('publish Kafka, 100 callers / kafkajs send each', {
    use: sends(100),
    callers: 100,
    count: 6_000,
    goal: 4,
    stretch: 4.5,
  }),
  publishRow('publish Kafka, one caller / kafkajs send awaited', {
    use: sends(1),
    callers: 1,
    count: 1_500,
    goal: 0.97,
    stretch: 1,
  }),
];
