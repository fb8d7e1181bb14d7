import type { Capabilities } from '../../contract/capabilities.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import type { DeadLetterDesk } from '../../contract/dead-letter-desk.js';
import type { Inbox } from '../../contract/inbox.js';
import type { Logger } from '../../contract/logger.js';
import type { BrokerName, Headers } from '../../contract/message.js';
import type { MessageBus } from '../../contract/message-bus.js';
import type { PublishBounds } from '../../contract/settings.js';
import type { AnyTopic, PublishPolicy } from '../../contract/topic.js';

/** What serves a broker name. */
export type BrokerProduct = 'kafka' | 'rabbitmq' | 'log' | 'queue';

/** A message as a foreign program writes it, or finds it. */
export interface RawMessage {
  /** `null`: the broker's own null, where it has one. */
  readonly body: Buffer | null;
  readonly key?: string | null;
  /** Values as the broker tells them: strings where they are valid UTF-8, else Buffers; AMQP's types as they are. */
  readonly headers: Headers;
}

/** A fault that was planted. A test counts only if its fault was seen to happen. */
export interface PlantedFault {
  /** Resolves when it has hit for the first time. */
  readonly happened: Promise<unknown>;
  /** Ends it; what was held back is delivered. Idempotent. */
  remove(): Promise<void> | void;
}

/** What can be done to a broker; each only where the rig has it. */
export interface RigFaults {
  /** Publishes are stored, and every answer is held back until the fault is removed. */
  holdReplies(): Promise<PlantedFault>;
  /** The next publish is stored and its answer never comes. */
  loseReply(): Promise<PlantedFault>;
  /** Closes every connection; new ones are accepted. */
  dropConnections(): Promise<void>;
  /** Closes every connection and accepts none, until it is removed. */
  cut(): Promise<PlantedFault>;
  /** Takes no publishes, without refusing them, until it is removed. */
  block(): Promise<PlantedFault>;
  /** Ends the broker at once; what it has confirmed stays. */
  kill(): Promise<void>;
  /** Starts it again after `kill`. */
  restart(): Promise<void>;
  /** Refuses publishes to a topic with a definite answer, until it is removed. Logs only. */
  refuse(topic: AnyTopic): Promise<PlantedFault>;
  /** Declares the queue of a consumer, binds it to its topic's exchange and fills it, so that it takes nothing more. Before the bus is started; queues only. */
  fillQueue(consumer: AnyConsumer): Promise<void>;
  /** Makes the dead-letter place of a consumer take nothing, until it is removed. */
  breakDeadLetters(consumer: AnyConsumer): Promise<PlantedFault>;
  /**
   * Writes a message to a topic that ends the connection of whoever receives it, before any of our code, with the header
   * `plain: text`. Brokers that limit deliveries only.
   */
  poison(topic: AnyTopic): Promise<void>;
  /** Takes away what feeds a consumer (its queue, its topic) and gives it back empty when it is removed. */
  removeFeed(consumer: AnyConsumer): Promise<PlantedFault>;
}

/** Name of something that can be done to a broker. */
export type FaultName = keyof RigFaults;

/** What is known of a broker before it is there; cases are skipped by it. */
export interface BrokerProfile {
  readonly name: BrokerName;
  readonly product: BrokerProduct;
  readonly capabilities: Capabilities;
  /** Largest body plus headers, bytes. */
  readonly maxMessageBytes: number;
  readonly faults: readonly FaultName[];
  /**
   * `unclear`: a refusal does not say whether another queue of the topic has stored the message (an AMQP nack), so it is
   * uncertain even if there is none. Default `definite`.
   */
  readonly refusal?: 'definite' | 'unclear';
  /** How long a group keeps a silent member, ms, as the rig's buses are set; absent: it has no sessions. */
  readonly sessionMs?: number;
}

/** A broker of a rig, past our library. */
export interface RigBroker extends BrokerProfile {
  /** Writes to a topic as a foreign program does; the topic must exist. */
  write(topic: AnyTopic, message: RawMessage): Promise<void>;
  /** Everything in the dead-letter place of a consumer, in order. */
  readDeadLetters(consumer: AnyConsumer): Promise<readonly RawMessage[]>;
  /**
   * Copies that wait for a consumer: stored and not settled. Asked while no bus feeds it, otherwise a queue does not
   * show what is handed over.
   */
  waiting(consumer: AnyConsumer): Promise<number>;
  /**
   * Resolves when places that were made just now outlive a kill. RabbitMQ writes the registration of a new quorum queue
   * a moment later than it confirms messages in it; killed before, it brings the queue back empty.
   */
  placesAreSafe(): Promise<void>;
  readonly does: RigFaults;
}

/** What a case says of the bus that it opens. */
export interface RigBusOptions {
  readonly topics?: readonly AnyTopic[];
  readonly consumers?: readonly AnyConsumer[];
  /** Default: an inbox of the bus' own in memory. `null`: none. */
  readonly inbox?: Inbox | null;
  /** Deadline of a publish, ms. Default 20,000. */
  readonly timeoutMs?: number;
  readonly bounds?: Partial<PublishBounds>;
  /** How long start waits for a broker, ms. Default 20,000. */
  readonly startTimeoutMs?: number;
  /** Default `all`. */
  readonly policy?: PublishPolicy;
  /** The named broker of policy `primary`. */
  readonly primary?: BrokerName;
  /** Which broker feeds the consumers. Default: that of the rig. */
  readonly feed?: BrokerName;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Replaces the secrets of the brokers' settings by this text, where they have any. */
  readonly secret?: string;
}

/** Everything that one run of a case works with. It is closed after the run. */
export interface ContractRig {
  /** The brokers, in the order of receipts. */
  readonly brokers: readonly RigBroker[];
  /** The broker that feeds consumers unless a case says otherwise. */
  readonly feed: RigBroker;
  /** Instances of a consumer that may compete without the set-up of groups taking minutes. */
  readonly instances: number;
  /** A name that no other run uses, which begins with the stem. */
  uniqueName(stem: string): string;
  /** A bus over all brokers of the rig, not started. It is closed with the rig. */
  openBus(options: RigBusOptions): Promise<MessageBus>;
  /** A desk over the dead letters of a bus with these options. It is closed with the rig. */
  openDesk(options: RigBusOptions): Promise<DeadLetterDesk>;
  /** The last lines of what its buses told of trouble; shown when a case fails. */
  trouble(): readonly string[];
  /** Runs when the rig is closed, the last one first. */
  onClose(teardown: () => Promise<unknown> | unknown): void;
  close(): Promise<void>;
}

/** What a suite is run on: an adapter, or two of them behind the routed bus. */
export interface ContractSetup {
  /** As `Kafka 4.1`. */
  readonly name: string;
  readonly brokers: readonly BrokerProfile[];
  /** Once before the first case (starts servers). */
  start(): Promise<void>;
  /** Once after the last one. */
  stop(): Promise<void>;
  /** Per run of a case. */
  open(): Promise<ContractRig>;
}
