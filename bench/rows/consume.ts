import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect } from 'amqplib';
import { defineConsumer, type MessageBus, type TopicDefinition } from '../../src/index.js';
import { openBus } from '../buses.js';
import { contest, type Side } from '../contest.js';
import { openKafka, removeTopics } from '../kafka-side.js';
import { callConcurrently, makeUsages, type Usage, usageSchema, usageTopic } from '../messages.js';
import { uniqueName } from '../names.js';
import { removeQueues } from '../rabbitmq-side.js';
import type { BenchServers, Row, RowResult } from '../row.js';

/** Counts handled messages by their sequence; a missing or second one makes the row void. */
class Arrivals {
  readonly #seen: Uint8Array;
  #left: number;
  #firstMs = 0;
  #lastMs = 0;
  readonly done: Promise<void>;
  #finish: () => void = () => undefined;

  constructor(count: number) {
    this.#seen = new Uint8Array(count);
    this.#left = count;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  add(sequence: number): void {
    if (this.#seen[sequence] === 1) throw new Error(`void: message ${sequence} came twice`);
    if (this.#left === this.#seen.length) this.#firstMs = performance.now();
    this.#seen[sequence] = 1;
    this.#left -= 1;
    if (this.#left > 0) return;
    this.#lastMs = performance.now();
    this.#finish();
  }

  /** Messages per second from the first to the last: connecting and joining are not what is compared. */
  get rate(): number {
    return ((this.#seen.length - 1) * 1_000) / (this.#lastMs - this.#firstMs);
  }
}

type Broker = 'kafka' | 'rabbitmq';
type UsageTopic = TopicDefinition<Usage, Usage>;

/** Publishes one round's messages into fresh places, so that each round consumes a full backlog from its start. */
async function fill(servers: BenchServers, broker: Broker, count: number) {
  const name = uniqueName('consume');
  const topic: UsageTopic = usageTopic(name);
  let arrivals = new Arrivals(count);
  const consumer = defineConsumer({
    name: 'bench',
    topic,
    group: `${name}_group`,
    concurrency: 100,
    handle: async (message) => {
      arrivals.add(message.data.sequence);
    },
  });
  const open = (): Promise<MessageBus> =>
    openBus(servers, { brokers: [broker], topics: [topic], consumers: [consumer] });
  const publisher = await openBus(servers, {
    brokers: [broker],
    topics: [topic],
    consumers: [consumer],
    consume: false,
  });
  await callConcurrently(makeUsages(count), 1_000, (usage) => publisher.publish(topic, usage));
  await publisher.close();
  return {
    name,
    group: `${name}_group`,
    open,
    restart: (): Arrivals => {
      arrivals = new Arrivals(count);
      return arrivals;
    },
  };
}

async function remove(servers: BenchServers, broker: Broker, name: string): Promise<void> {
  if (broker === 'kafka') return removeTopics(servers.kafka, [name, `${name}_dlt`]);
  await removeQueues(servers.rabbitmq, { exchanges: [name], queues: [`${name}_group`, `${name}_group_dlq`] });
}

function ours(servers: BenchServers, broker: Broker): Side {
  return {
    name: 'full bus',
    open: async () => undefined,
    round: async (count) => {
      const place = await fill(servers, broker, count);
      const arrivals = place.restart();
      const bus = await place.open();
      await arrivals.done;
      await bus.close();
      await remove(servers, broker, place.name);
      return arrivals.rate;
    },
    close: async () => undefined,
  };
}

/** The same parse and validation as on our side. */
const readUsage = (body: Buffer): Usage => usageSchema.parse(JSON.parse(body.toString('utf8')));

async function consumeRabbitmqByHand(
  url: string,
  queue: string,
  arrivals: Arrivals,
): Promise<() => Promise<void>> {
  const model = await connect(url, { noDelay: true });
  const channel = await model.createChannel();
  await channel.prefetch(800);
  await channel.consume(queue, (message) => {
    if (message === null) return;
    arrivals.add(readUsage(message.content).sequence);
    channel.ack(message);
  });
  return () => model.close();
}

async function consumeKafkaByHand(
  brokers: readonly string[],
  { topic, group }: { topic: string; group: string },
  arrivals: Arrivals,
): Promise<() => Promise<void>> {
  const consumer = openKafka(brokers).consumer({ groupId: group, maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachBatch: async ({ batch }) => {
      for (const { value } of batch.messages) arrivals.add(readUsage(value as Buffer).sequence);
      await nextTurn();
    },
  });
  return () => consumer.disconnect();
}

function theirs(servers: BenchServers, broker: Broker): Side {
  return {
    name: 'by hand',
    open: async () => undefined,
    round: async (count) => {
      const place = await fill(servers, broker, count);
      const arrivals = new Arrivals(count);
      const stop = await (broker === 'rabbitmq'
        ? consumeRabbitmqByHand(servers.rabbitmq, place.group, arrivals)
        : consumeKafkaByHand(servers.kafka, { topic: place.name, group: place.group }, arrivals));
      await arrivals.done;
      await stop();
      await remove(servers, broker, place.name);
      return arrivals.rate;
    },
    close: async () => undefined,
  };
}

function consumeRow(
  name: string,
  setting: { broker: Broker; count: number; goal: number; stretch: number },
): Row {
  const { broker, count, goal, stretch } = setting;
  return {
    name,
    needs: 'servers',
    run: async (servers): Promise<RowResult> => {
      const result = await contest(ours(servers, broker), theirs(servers, broker), { rounds: 5, count });
      return { name, unit: 'msg/s', ...result, goal, stretch, lessIsBetter: false };
    },
  };
}

export const consumeRows: readonly Row[] = [
  consumeRow('consume RabbitMQ, full bus / amqplib ack each', {
    broker: 'rabbitmq',
    count: 30_000,
    goal: 0.95,
    stretch: 1.15,
  }),
  consumeRow('consume Kafka, full bus / kafkajs eachBatch', {
    broker: 'kafka',
    count: 100_000,
    goal: 0.7,
    stretch: 0.85,
  }),
];
