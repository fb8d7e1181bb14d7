import { type BrokerName, defineConsumer } from '../../src/index.js';
import { openBus } from '../buses.js';
import { createTopic, removeTopics } from '../kafka-side.js';
import { type Usage, usageOf, usageTopic } from '../messages.js';
import { uniqueName } from '../names.js';
import { removeQueues } from '../rabbitmq-side.js';
import type { BenchServers, Row, RowResult } from '../row.js';

const COUNT = 1_000_000;
/** The first part warms up: code is compiled, buffers and the heap grow to their size. */
const WARM_UP = 250_000;
const CALLERS = 1_000;
/** How much the memory may grow after that. */
const GROWTH = 1.1;

/** Resident memory after a collection, MiB. */
function residentMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss / 2 ** 20;
}

/** Publishes and handles a million messages; resolves with the memory after the warm-up and the most seen later. */
async function run(servers: BenchServers, broker: BrokerName): Promise<{ warmMiB: number; mostMiB: number }> {
  const topic = usageTopic(uniqueName('memory'));
  let handled = 0;
  const waiters: { at: number; resolve: () => void }[] = [];
  const reached = (at: number): Promise<void> =>
    handled >= at ? Promise.resolve() : new Promise((resolve) => waiters.push({ at, resolve }));
  const consumer = defineConsumer<Usage>({
    name: 'memory',
    topic,
    group: `${topic.name}_group`,
    concurrency: 100,
    handle: async () => {
      handled += 1;
      while (waiters[0] !== undefined && waiters[0].at <= handled) waiters.shift()?.resolve();
    },
  });
  if (broker === 'kafka') await createTopic(servers.kafka, topic.name);
  const bus = await openBus(servers, { brokers: [broker], topics: [topic], consumers: [consumer] });
  let warmMiB = 0;
  let mostMiB = 0;
  for (let at = 0; at < COUNT; at += WARM_UP / 5) {
    await publishRange(at, at + WARM_UP / 5, (usage) => bus.publish(topic, usage));
    await reached(at + WARM_UP / 5);
    const now = residentMiB();
    if (at + WARM_UP / 5 <= WARM_UP) warmMiB = now;
    else mostMiB = Math.max(mostMiB, now);
  }
  await bus.close();
  if (broker === 'kafka') await removeTopics(servers.kafka, [topic.name, `${topic.name}_dlt`]);
  else {
    const queues = [`${topic.name}_group`, `${topic.name}_group_dlq`];
    await removeQueues(servers.rabbitmq, { exchanges: [topic.name], queues });
  }
  return { warmMiB, mostMiB };
}

async function publishRange(
  from: number,
  to: number,
  publish: (usage: Usage) => Promise<unknown>,
): Promise<void> {
  let next = from;
  const caller = async (): Promise<void> => {
    while (next < to) await publish(usageOf(next++));
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

const memoryRow = (name: string, broker: BrokerName): Row => ({
  name,
  needs: 'servers',
  run: async (servers): Promise<RowResult> => {
    const { warmMiB, mostMiB } = await run(servers, broker);
    return {
      name,
      unit: 'MiB',
      ours: mostMiB,
      theirs: warmMiB,
      ratio: mostMiB / warmMiB,
      goal: GROWTH,
      stretch: 1,
      lessIsBetter: true,
      sameAgainstSame: [1, 1],
    };
  },
});

export const memoryRows: readonly Row[] = [
  memoryRow('a million messages through RabbitMQ, memory / after warm-up', 'rabbitmq'),
  memoryRow('a million messages through Kafka, memory / after warm-up', 'kafka'),
];
