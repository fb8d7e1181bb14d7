import { type ConsumerDefinition, defineConsumer, type Inbox, type MessageBus } from '../src/index.js';
import { openBus } from './buses.js';
import { removeTopics } from './kafka-side.js';
import { callConcurrently, makeUsages, type Usage, usageTopic } from './messages.js';
import { uniqueName } from './names.js';
import { removeQueues } from './rabbitmq-side.js';
import type { BenchServers } from './row.js';

/** Counts handled messages by their sequence; a missing or second one makes the row void. */
export class Arrivals {
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

  /** From the first message to the last, ms: connecting and joining are not what is compared. */
  get tookMs(): number {
    return this.#lastMs - this.#firstMs;
  }

  /** Messages per second. */
  get rate(): number {
    return ((this.#seen.length - 1) * 1_000) / this.tookMs;
  }
}

export type Broker = 'kafka' | 'rabbitmq';

type Consumer = ConsumerDefinition<Usage>;

/** How a backlog is consumed. */
export interface BacklogConsumer {
  /** Default 100. */
  readonly concurrency?: number;
  /** Delays of deferred retries; then a handler has one attempt per copy. */
  readonly deferred?: readonly string[];
  /** Default none. */
  readonly inbox?: Inbox;
  /** Default: every message arrives. */
  readonly handle?: (
    arrivals: Arrivals,
    ...args: Parameters<Consumer['handle']>
  ) => ReturnType<Consumer['handle']>;
  /** Told of the bus before it starts. */
  readonly watch?: (bus: MessageBus, arrivals: Arrivals) => void;
}

/** Messages of one round in fresh places of one broker, so that it consumes a full backlog from its start. */
export interface Backlog {
  readonly name: string;
  readonly group: string;
  /** Resolves when all of it arrived. */
  consume(): Promise<Arrivals>;
  remove(): Promise<void>;
}

/** Publishes a backlog for the consumer. */
export async function fillBacklog(
  servers: BenchServers,
  { broker, count }: { readonly broker: Broker; readonly count: number },
  how: BacklogConsumer = {},
): Promise<Backlog> {
  const topic = usageTopic(uniqueName('consume'));
  const group = `${topic.name}_group`;
  const arrivals = new Arrivals(count);
  const { handle } = how;
  const consumer = defineConsumer<Usage>({
    name: 'bench',
    topic,
    group,
    concurrency: how.concurrency ?? 100,
    inbox: how.inbox !== undefined,
    ...(how.deferred === undefined ? {} : { retry: { inline: { attempts: 1 }, deferred: how.deferred } }),
    handle:
      handle === undefined
        ? async (message) => arrivals.add(message.data.sequence)
        : (message, context) => handle(arrivals, message, context),
  });
  const open = (consume: boolean): Promise<MessageBus> =>
    openBus(servers, {
      brokers: [broker],
      topics: [topic],
      consumers: [consumer],
      consume,
      ...(how.inbox === undefined ? {} : { inbox: how.inbox }),
    });
  const publisher = await open(false);
  await callConcurrently(makeUsages(count), 1_000, (usage) => publisher.publish(topic, usage));
  await publisher.close();
  const delays = (how.deferred ?? []).map((delay) => `${group}_retry_${delay}`);
  return {
    name: topic.name,
    group,
    consume: async () => {
      const bus = await open(true);
      how.watch?.(bus, arrivals);
      await arrivals.done;
      await bus.close();
      return arrivals;
    },
    remove: () =>
      broker === 'kafka'
        ? removeTopics(servers.kafka, [
            topic.name,
            `${topic.name}_dlt`,
            ...(delays.length > 0 ? [`${group}_retry_0s`, ...delays] : []),
          ])
        : removeQueues(servers.rabbitmq, {
            exchanges: [topic.name],
            queues: [group, `${group}_dlq`, ...delays],
          }),
  };
}
