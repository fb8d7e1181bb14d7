import type { ChannelModel, ConfirmChannel } from 'amqplib';
import type { Producer } from 'kafkajs';
import type { MessageBus } from '../../src/index.js';
import { openBus } from '../buses.js';
import { contest, type Side } from '../contest.js';
import { awaitConfirm, kafkaMessageOf } from '../hand-written.js';
import { createTopic, drainTopic, openProducer, removeTopics } from '../kafka-side.js';
import { callConcurrently, makeUsages, Tally, tallyOf, type Usage, usageTopic } from '../messages.js';
import { uniqueName } from '../names.js';
import { declareQueue, drainQueue, openRabbitmq, removeQueues } from '../rabbitmq-side.js';
import type { BenchServers, Row, RowResult } from '../row.js';

const NAME = 'dual publish, one caller / amqplib and kafkajs side by side';
const COUNT = 1_000;
const ROUNDS = 5;

/** One topic and one exchange of a name, with a queue. */
class Places {
  readonly name = uniqueName('side_by_side');
  readonly #servers: BenchServers;
  #sent = 0;
  readonly #tally = new Tally();

  constructor(servers: BenchServers) {
    this.#servers = servers;
  }

  async create(): Promise<void> {
    await createTopic(this.#servers.kafka, this.name);
    await declareQueue(this.#servers.rabbitmq, this.name, `${this.name}_queue`);
  }

  /** One awaiting caller; the round is void unless the queue got exactly what was published. */
  async round(count: number, publish: (usage: Usage) => Promise<unknown>): Promise<number> {
    const usages = makeUsages(count);
    const rate = await callConcurrently(usages, 1, publish);
    const drained = await drainQueue(this.#servers.rabbitmq, `${this.name}_queue`, count);
    tallyOf(usages).mustEqual(drained, this.name);
    this.#sent += count;
    for (const usage of usages) this.#tally.add(Buffer.from(JSON.stringify(usage)));
    return rate;
  }

  /** Void unless the topic has all of it. */
  async remove(): Promise<void> {
    const { kafka, rabbitmq } = this.#servers;
    this.#tally.mustEqual(await drainTopic(kafka, this.name, this.#sent), this.name);
    await removeTopics(kafka, [this.name]);
    await removeQueues(rabbitmq, { exchanges: [this.name], queues: [`${this.name}_queue`] });
  }
}

function ours(servers: BenchServers): Side {
  const places = new Places(servers);
  const topic = usageTopic(places.name);
  let bus: MessageBus;
  return {
    name: 'bus.publish',
    open: async () => {
      await places.create();
      bus = await openBus(servers, { brokers: ['kafka', 'rabbitmq'], topics: [topic] });
    },
    round: (count) => places.round(count, (usage) => bus.publish(topic, usage)),
    close: async () => {
      await bus.close();
      await places.remove();
    },
  };
}

function theirs(servers: BenchServers): Side {
  const places = new Places(servers);
  const { name } = places;
  let producer: Producer;
  let model: ChannelModel;
  let channel: ConfirmChannel;
  const publish = (usage: Usage): Promise<unknown> =>
    Promise.all([
      producer.send({ topic: name, messages: [kafkaMessageOf(usage)], acks: -1 }),
      awaitConfirm(channel, { exchange: name, usage }),
    ]);
  return {
    name: 'by hand',
    open: async () => {
      await places.create();
      producer = await openProducer(servers.kafka);
      ({ model, channel } = await openRabbitmq(servers.rabbitmq));
    },
    round: (count) => places.round(count, publish),
    close: async () => {
      await producer.disconnect();
      await model.close();
      await places.remove();
    },
  };
}

/** What the two brokers cost together where they share the processors, whoever publishes. */
export const dualByHandRow: Row = {
  name: NAME,
  needs: 'servers',
  run: async (servers): Promise<RowResult> => {
    const result = await contest(ours(servers), theirs(servers), { rounds: ROUNDS, count: COUNT });
    return { name: NAME, unit: 'msg/s', ...result, goal: 1, stretch: 1.1, lessIsBetter: false };
  },
};
