import type { ChannelModel, ConfirmChannel } from 'amqplib';
import type { MessageBus } from '../../src/index.js';
import { openBus } from '../buses.js';
import { contest, type Side } from '../contest.js';
import { awaitConfirm, publishByHand } from '../hand-written.js';
import { callConcurrently, makeUsages, tallyOf, type Usage, usageTopic } from '../messages.js';
import { uniqueName } from '../names.js';
import { declareQueue, drainQueue, openRabbitmq, removeQueues } from '../rabbitmq-side.js';
import type { BenchServers, Row, RowResult } from '../row.js';

/** Where one side publishes to; what arrives is counted and summed after every round. */
interface Place {
  readonly url: string;
  readonly exchange: string;
  readonly queue: string;
}

async function proven(place: Place, usages: readonly Usage[], run: () => Promise<number>): Promise<number> {
  const rate = await run();
  tallyOf(usages).mustEqual(await drainQueue(place.url, place.queue, usages.length), place.exchange);
  return rate;
}

export function oursOnRabbitmq(servers: BenchServers, place: Place, callers: number): Side {
  const topic = usageTopic(place.exchange);
  let bus: MessageBus;
  return {
    name: 'bus.publish',
    open: async () => {
      await declareQueue(place.url, place.exchange, place.queue);
      bus = await openBus(servers, { brokers: ['rabbitmq'], topics: [topic] });
    },
    round: (count) => {
      const usages = makeUsages(count);
      return proven(place, usages, () =>
        callConcurrently(usages, callers, (usage) => bus.publish(topic, usage)),
      );
    },
    close: async () => {
      await bus.close();
    },
  };
}

/** Hand-written: a window of unconfirmed messages, a callback per confirm, no promise per message. */
async function pipeline(channel: ConfirmChannel, exchange: string, usages: readonly Usage[], window: number) {
  const startedMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    let next = 0;
    let open = 0;
    const confirmed = (error: unknown): void => {
      if (error) reject(error);
      open -= 1;
      if (next === usages.length && open === 0) resolve();
      else fill();
    };
    const fill = (): void => {
      while (open < window && next < usages.length) {
        open += 1;
        publishByHand(channel, { exchange, usage: usages[next++] as Usage }, confirmed);
      }
    };
    fill();
  });
  return (usages.length * 1_000) / (performance.now() - startedMs);
}

function theirsOnRabbitmq(place: Place, callers: number): Side {
  let model: ChannelModel;
  let channel: ConfirmChannel;
  return {
    name: 'amqplib by hand',
    open: async () => {
      await declareQueue(place.url, place.exchange, place.queue);
      ({ model, channel } = await openRabbitmq(place.url));
    },
    round: (count) => {
      const usages = makeUsages(count);
      return proven(place, usages, () =>
        callers >= 1_000
          ? pipeline(channel, place.exchange, usages, callers)
          : callConcurrently(usages, callers, (usage) =>
              awaitConfirm(channel, { exchange: place.exchange, usage }),
            ),
      );
    },
    close: () => model.close(),
  };
}

function publishRow(name: string, setting: { callers: number; count: number; goal: number }): Row {
  return {
    name,
    needs: 'servers',
    run: async (servers): Promise<RowResult> => {
      const [ours, theirs] = [uniqueName('ours'), uniqueName('theirs')];
      const placeOf = (place: string): Place => ({
        url: servers.rabbitmq,
        exchange: place,
        queue: `${place}_queue`,
      });
      try {
        const result = await contest(
          oursOnRabbitmq(servers, placeOf(ours), setting.callers),
          theirsOnRabbitmq(placeOf(theirs), setting.callers),
          { rounds: 5, count: setting.count },
        );
        return { name, unit: 'msg/s', ...result, goal: setting.goal, stretch: 1, lessIsBetter: false };
      } finally {
        const exchanges = [ours, theirs];
        await removeQueues(servers.rabbitmq, { exchanges, queues: exchanges.map((one) => `${one}_queue`) });
      }
    },
  };
}

export const publishRabbitmqRows: readonly Row[] = [
  publishRow('publish RabbitMQ, 1,000 in flight / amqplib pipelined', {
    callers: 1_000,
    count: 20_000,
    goal: 0.95,
  }),
  publishRow('publish RabbitMQ, 100 callers / amqplib promise each', {
    callers: 100,
    count: 15_000,
    goal: 0.95,
  }),
  publishRow('publish RabbitMQ, one caller / amqplib awaited', { callers: 1, count: 1_500, goal: 0.97 }),
];
