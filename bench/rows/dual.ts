import type { BrokerName, MessageBus, TopicDefinition } from '../../src/index.js';
import { openBus } from '../buses.js';
import { median } from '../contest.js';
import { removeTopics } from '../kafka-side.js';
import { callConcurrently, makeUsages, type Usage, usageTopic } from '../messages.js';
import { uniqueName } from '../names.js';
import { declareQueue, drainQueue, removeQueues } from '../rabbitmq-side.js';
import type { BenchServers, Row, RowResult } from '../row.js';

type UsageTopic = TopicDefinition<Usage, unknown>;

/** One bus and one topic per set of brokers, on the same servers. */
interface Setup {
  readonly bus: MessageBus;
  readonly topic: UsageTopic;
  readonly brokers: readonly BrokerName[];
}

async function setUp(servers: BenchServers, brokers: readonly BrokerName[]): Promise<Setup> {
  const name = uniqueName(brokers.join('_'));
  const topic = usageTopic(name);
  if (brokers.includes('rabbitmq')) await declareQueue(servers.rabbitmq, name, `${name}_queue`);
  return { bus: await openBus(servers, { brokers, topics: [topic] }), topic, brokers };
}

async function tearDown(servers: BenchServers, { bus, topic, brokers }: Setup): Promise<void> {
  await bus.close();
  if (brokers.includes('kafka')) await removeTopics(servers.kafka, [topic.name]);
  if (brokers.includes('rabbitmq')) {
    await removeQueues(servers.rabbitmq, { exchanges: [topic.name], queues: [`${topic.name}_queue`] });
  }
}

async function empty(servers: BenchServers, { topic, brokers }: Setup, count: number): Promise<void> {
  if (brokers.includes('rabbitmq')) await drainQueue(servers.rabbitmq, `${topic.name}_queue`, count);
}

/** One round's figures; `again` is a second RabbitMQ alone, to show how much equal things differ. */
interface Compared<Figure> {
  readonly kafka: Figure;
  readonly rabbitmq: Figure;
  readonly dual: Figure;
  readonly again: Figure;
}

/** Runs the measure on both alone and on the pair, round by round, and hands the figures over. */
async function compare<Figure>(
  servers: BenchServers,
  { rounds, count }: { rounds: number; count: number },
  measure: (setup: Setup, usages: readonly Usage[]) => Promise<Figure>,
): Promise<Compared<Figure>[]> {
  const setups = [];
  for (const brokers of [['kafka'], ['rabbitmq'], ['kafka', 'rabbitmq'], ['rabbitmq']] as const) {
    setups.push(await setUp(servers, brokers));
  }
  try {
    const figures: Compared<Figure>[] = [];
    for (let round = -1; round < rounds; round += 1) {
      const usages = makeUsages(count);
      const [kafka, rabbitmq, dual, again] = await inTurn(setups, async (setup) => {
        const figure = await measure(setup, usages);
        await empty(servers, setup, count);
        return figure;
      });
      if (round >= 0) figures.push({ kafka, rabbitmq, dual, again } as Compared<Figure>);
    }
    return figures;
  } finally {
    for (const setup of setups) await tearDown(servers, setup);
  }
}

async function inTurn<Item, Result>(
  items: readonly Item[],
  run: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await run(item));
  return results;
}

const range = (values: readonly number[]): readonly [number, number] => [
  Math.min(...values),
  Math.max(...values),
];

const THROUGHPUT = 'dual publish, 1,000 in flight / 1/(1/kafka + 1/rabbitmq)';

const throughputRow: Row = {
  name: THROUGHPUT,
  needs: 'servers',
  run: async (servers): Promise<RowResult> => {
    const figures = await compare(servers, { rounds: 5, count: 15_000 }, ({ bus, topic }, usages) =>
      callConcurrently(usages, 1_000, (usage) => bus.publish(topic, usage)),
    );
    const bounds = figures.map(({ kafka, rabbitmq }) => 1 / (1 / kafka + 1 / rabbitmq));
    return {
      name: THROUGHPUT,
      unit: 'msg/s',
      ours: median(figures.map(({ dual }) => dual)),
      theirs: median(bounds),
      ratio: median(figures.map(({ dual }, index) => dual / (bounds[index] as number))),
      goal: 0.9,
      stretch: 1,
      lessIsBetter: false,
      sameAgainstSame: range(figures.map(({ again, rabbitmq }) => again / rabbitmq)),
    };
  },
};

/** Time of each publish by one awaiting caller, ms. */
async function timesMs({ bus, topic }: Setup, usages: readonly Usage[]): Promise<number[]> {
  const times: number[] = [];
  for (const usage of usages) {
    const startedMs = performance.now();
    await bus.publish(topic, usage);
    times.push(performance.now() - startedMs);
  }
  return times;
}

/** What both would take side by side: the slower of the two for each message, then the median. */
const pairedMaximum = (one: readonly number[], other: readonly number[]): number =>
  median(one.map((time, index) => Math.max(time, other[index] as number)));

const LATENCY = 'dual publish, p50 / paired maximum of the two alone';

const latencyRow: Row = {
  name: LATENCY,
  needs: 'servers',
  run: async (servers): Promise<RowResult> => {
    const figures = await compare(servers, { rounds: 5, count: 1_000 }, timesMs);
    const bounds = figures.map(({ kafka, rabbitmq }) => pairedMaximum(kafka, rabbitmq));
    const duals = figures.map(({ dual }) => median(dual));
    return {
      name: LATENCY,
      unit: 'ms',
      ours: median(duals),
      theirs: median(bounds),
      ratio: median(duals.map((dual, index) => dual / (bounds[index] as number))),
      goal: 1.1,
      stretch: 1.05,
      lessIsBetter: true,
      sameAgainstSame: range(figures.map(({ again, rabbitmq }) => median(again) / median(rabbitmq))),
    };
  },
};

export const dualRows: readonly Row[] = [throughputRow, latencyRow];
