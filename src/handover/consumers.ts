import type { AnyConsumer } from '../contract/consumer.js';
import type { ConsumerSet } from '../contract/consumer-set.js';
import { BuscouplerError } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import type { ConsumerControl, ConsumerHealth } from '../contract/message-bus.js';
import type { ConsumerFeed } from './consumer-feed.js';

/** Makes the feed of one consumer, after it was checked against those that are there. */
export type OpenFeed = (
  definition: AnyConsumer,
  present: readonly AnyConsumer[],
) => {
  readonly definition: AnyConsumer;
  readonly feed: ConsumerFeed;
};

/** The consumers of a bus, by name. */
export class Consumers implements ConsumerSet {
  readonly #open: OpenFeed;
  readonly #feeds = new Map<string, ConsumerFeed>();
  #definitions: AnyConsumer[] = [];

  constructor(open: OpenFeed) {
    this.#open = open;
  }

  add(definition: AnyConsumer): AnyConsumer {
    const opened = this.#open(definition, this.#definitions);
    this.#feeds.set(opened.definition.name, opened.feed);
    this.#definitions.push(opened.definition);
    return opened.definition;
  }

  get(name: string): ConsumerControl {
    const feed = this.#feeds.get(name);
    if (feed !== undefined) return feed;
    const known = [...this.#feeds.keys()].join(', ') || 'none';
    throw new BuscouplerError(
      'BC_CONSUMER_UNKNOWN',
      `There is no consumer ${JSON.stringify(name)}; known: ${known}.`,
    );
  }

  async start(name: string, isUp: (broker: BrokerName) => boolean): Promise<void> {
    const feed = this.#feeds.get(name);
    if (feed === undefined) return;
    if (isUp(feed.broker)) await feed.start();
    else feed.startLater();
  }

  async startAll(isUp: (broker: BrokerName) => boolean): Promise<void> {
    const starts = await Promise.allSettled([...this.#feeds.keys()].map((name) => this.start(name, isUp)));
    for (const one of starts) if (one.status === 'rejected') throw one.reason;
  }

  brokerCameUp(broker: BrokerName): void {
    for (const feed of this.#feeds.values()) feed.brokerCameUp(broker);
  }

  async remove(name: string): Promise<void> {
    const feed = this.#feeds.get(name);
    this.#feeds.delete(name);
    this.#definitions = this.#definitions.filter((one) => one.name !== name);
    await feed?.stop();
  }

  get inFlight(): number {
    let running = 0;
    for (const feed of this.#feeds.values()) running += feed.inFlight;
    return running;
  }

  async stopAll({ deadlineMs }: { readonly deadlineMs: number }): Promise<number> {
    const left = await Promise.all([...this.#feeds.values()].map((feed) => feed.stopAndCount(deadlineMs)));
    return left.reduce((sum, one) => sum + one, 0);
  }

  definitions(): readonly AnyConsumer[] {
    return this.#definitions;
  }

  health(): Readonly<Record<string, ConsumerHealth>> {
    return Object.fromEntries([...this.#feeds].map(([name, feed]) => [name, feed.status()]));
  }
}
