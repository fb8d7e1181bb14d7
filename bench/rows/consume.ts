import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect } from 'amqplib';
import { Arrivals, type Broker, fillBacklog } from '../backlog.js';
import { contest, type Side } from '../contest.js';
import { openKafka } from '../kafka-side.js';
import { type Usage, usageSchema } from '../messages.js';
import type { BenchServers, Row, RowResult } from '../row.js';

function ours(servers: BenchServers, broker: Broker): Side {
  return {
    name: 'full bus',
    open: async () => undefined,
    round: async (count) => {
      const backlog = await fillBacklog(servers, { broker, count });
      const { rate } = await backlog.consume();
      await backlog.remove();
      return rate;
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
      const place = await fillBacklog(servers, { broker, count });
      const arrivals = new Arrivals(count);
      const stop = await (broker === 'rabbitmq'
        ? consumeRabbitmqByHand(servers.rabbitmq, place.group, arrivals)
        : consumeKafkaByHand(servers.kafka, { topic: place.name, group: place.group }, arrivals));
      await arrivals.done;
      await stop();
      await place.remove();
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
