import type { PublishOptions, Receipt, TopicDefinition } from '../index.js';
import { ClientBus, type CloseReport, type InitializeOptions } from './client-bus.js';
import { logUnconsumed } from './client-log.js';
import type { DataHandler } from './drop-lossy.js';
import { Registrations, type Subscription, type TopicKind } from './registrations.js';

/** What both clients offer. */
interface Closable {
  /**
   * Closes both clients, for good: consumers finish what they run until the deadline (default 10,000 ms), every publish is
   * settled, the brokers are disconnected.
   */
  close(options?: { readonly deadlineMs?: number }): Promise<CloseReport>;
}

/** The guide's client. Rejects with a `BuscouplerError` only. */
export interface KafkaClient extends Closable {
  /**
   * Publishes to every enabled broker and resolves when each has stored it; a topic that is not there is created. Waits for
   * a pending `initialize`; before it BC_LIFECYCLE, and without any broker BC_CONFIG_INVALID, naming the settings.
   */
  publishToTopic(topic: string, data: unknown, key?: string): Promise<Receipt>;
  /**
   * Handles every message of a topic once per group. Before `initialize` it is registered, after it started at once.
   *
   * Lossy, as the guide has it: what the handler throws with the name `ValidationError` or `ZodError`, or with the code
   * 11000 (MongoDB: any duplicate key), is logged and dropped. Everything else is retried and then dead-lettered.
   */
  consumeFromTopic(topic: string, group: string, handler: DataHandler): Promise<void>;
}

/** The same for queues: one queue of RabbitMQ, and on Kafka one topic with one group, all of the same name. */
export interface RabbitMQClient extends Closable {
  /** As `publishToTopic`. A queue that no consumer has set up yet is BC_PUBLISH_FAILED on RabbitMQ: nothing would keep the message. */
  publishToQueue(queue: string, data: unknown, options?: PublishOptions): Promise<Receipt>;
  /** As `consumeFromTopic`, with its rules for errors. */
  consumeFromQueue(queue: string, handler: DataHandler): Promise<void>;
}

/** Connects, creates places and starts what was registered. Shares the pending promise; can be called again after it rejected. */
export type Initialize = (options?: InitializeOptions) => Promise<void>;

/** Both clients over one bus. */
export interface Clients {
  readonly KafkaClient: KafkaClient;
  readonly RabbitMQClient: RabbitMQClient;
  readonly initializeKafka: Initialize;
  readonly initializeRabbitMQ: Initialize;
}

/** A message and where it goes. */
interface Parcel {
  readonly kind: TopicKind;
  readonly name: string;
  readonly data: unknown;
  readonly options: PublishOptions;
}

/** Clients of their own, apart from the process-wide ones: for tests, or a second pair of brokers. */
export function createClients(): Clients {
  const registrations = new Registrations();
  const bus = new ClientBus(registrations);
  const publish = createPublish(bus, registrations);
  const consume = createConsume(bus, registrations);
  const close: Closable['close'] = (options) => bus.close(options);
  return {
    KafkaClient: {
      publishToTopic: (name, data, key) =>
        publish({ kind: 'topic', name, data, options: key === undefined ? {} : { key } }),
      consumeFromTopic: (topic, group, handler) => consume({ kind: 'topic', topic, group, handler }),
      close,
    },
    RabbitMQClient: {
      publishToQueue: (name, data, options = {}) => publish({ kind: 'queue', name, data, options }),
      consumeFromQueue: (queue, handler) => consume({ kind: 'queue', topic: queue, group: queue, handler }),
      close,
    },
    initializeKafka: (options) => bus.initialize('Kafka', options),
    initializeRabbitMQ: (options) => bus.initialize('RabbitMQ', options),
  };
}

/** Each topic is made at its first publish; one that fails is tried again by the next. */
function createPublish(bus: ClientBus, registrations: Registrations) {
  const made = new Map<string, Promise<void>>();
  const make = async (topic: TopicDefinition): Promise<void> => {
    const { bus: started, logger } = await bus.opened(`A message for "${topic.name}"`);
    await started.addTopic(topic);
    const isAccepted = topic.unroutable === 'accept' && !registrations.isConsumed(topic);
    if (isAccepted) logUnconsumed(logger, topic.name, started.health().brokers);
  };
  return async ({ kind, name, data, options }: Parcel): Promise<Receipt> => {
    const topic = registrations.topicOf(name, kind);
    const making = made.get(name) ?? make(topic);
    made.set(name, making);
    await making.catch((error: unknown) => {
      made.delete(name);
      throw error;
    });
    return (await bus.opened(`A message for "${name}"`)).bus.publish(topic, data, options);
  };
}

function createConsume(bus: ClientBus, registrations: Registrations) {
  return async (subscription: Subscription): Promise<void> => {
    const consumer = registrations.add(subscription);
    try {
      await bus.start(consumer);
    } catch (error) {
      registrations.remove(consumer);
      throw error;
    }
  };
}
