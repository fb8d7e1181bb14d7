import type { AnyConsumer } from './consumer.js';
import type { BrokerName } from './message.js';
import type { ConsumerControl, ConsumerHealth } from './message-bus.js';

/** The consumers of a bus; what the bus needs to know of them. */
export interface ConsumerSet {
  /** Adds one; throws what `createBus` would. */
  add(definition: AnyConsumer): AnyConsumer;
  get(name: string): ConsumerControl;
  /** Takes one out again that could not be set up. */
  remove(name: string): Promise<void>;
  /** Handlers that run. */
  readonly inFlight: number;
  /** Starts one, or if its broker is not connected lets it start when that comes. */
  start(name: string, isUp: (broker: BrokerName) => boolean): Promise<void>;
  /** Starts all, each as `start` does. Rejects with the first failure, once every one of them has started or failed. */
  startAll(isUp: (broker: BrokerName) => boolean): Promise<void>;
  /** Starts the consumers, and attaches the draining legs, that waited for this broker. */
  brokerCameUp(broker: BrokerName): void;
  /** Stops all; returns how many deliveries were left unsettled. */
  stopAll(options: { readonly deadlineMs: number }): Promise<number>;
  definitions(): readonly AnyConsumer[];
  health(): Readonly<Record<string, ConsumerHealth>>;
}
