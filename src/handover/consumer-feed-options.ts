import type { BrokerPort } from '../contract/broker.js';
import type { Clock } from '../contract/clock.js';
import type { AnyConsumer } from '../contract/consumer.js';
import type { EmitEvent } from '../contract/events.js';
import type { Inbox } from '../contract/inbox.js';
import type { BrokerName } from '../contract/message.js';
import type { Pipeline } from '../delivery/pipeline.js';

/** What the feed of one consumer is made of. */
export interface ConsumerFeedOptions {
  readonly consumer: AnyConsumer;
  /** The broker that its flag names. */
  readonly broker: BrokerName;
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  readonly pipeline: Pipeline;
  /** Brokers that its topic is published to. */
  readonly carriers: readonly BrokerName[];
  /** `null`: it has none, and therefore no draining leg, which could not tell copies apart. */
  readonly inbox: Inbox | null;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** Throws BC_MOVE_REFUSED if the consumer may not be fed by this broker. */
  readonly checkMove: (consumer: AnyConsumer, to: BrokerName) => void;
}
