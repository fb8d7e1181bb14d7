import type { AnyConsumer } from './consumer.js';
import type { BrokerName } from './message.js';
import type { ConsumerControl, ConsumerHealth } from './message-bus.js';

/** The consumers of a bus; what the bus needs to know of them. */
export interface ConsumerSet {
  /** Adds one; throws what `createBus` would. */
  add(definition: AnyConsumer): AnyConsumer;
  get(name: string): ConsumerControl;
  /** Starts all. `isUp` tells which brokers are connected; consumers of the others start when theirs comes. */
  startAll(isUp: (broker: BrokerName) => boolean): Promise<void>;
  /** Starts the consumers that waited for this broker. */
  brokerCameUp(broker: BrokerName): void;
  /** Stops all; returns how many deliveries were left unsettled. */
  stopAll(options: { readonly deadlineMs: number }): Promise<number>;
  definitions(): readonly AnyConsumer[];
  health(): Readonly<Record<string, ConsumerHealth>>;
}
