import type { BrokerPort, Destination, PublishOutcome } from '../../contract/broker.js';
import type { Capabilities } from '../../contract/capabilities.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { BrokerName, OutgoingMessage } from '../../contract/message.js';
import type { AnyTopic } from '../../contract/topic.js';
import { deadLetterQueueOf, exchangeOf, queueOf, queueOfDestination } from '../../messages/names.js';
import { EmbeddedBroker, type EmbeddedBrokerOptions, type Engine } from './broker.js';
import { readQueueLetters } from './letter-reading.js';
import { QueueFeed } from './queue-feed.js';
import { createQueueStore, type QueueStore } from './queue-store.js';
import { provisionQueues } from './queue-topology.js';
import type { Route } from './route.js';
import { surveyQueues } from './survey.js';

/** Options of {@link createQueueBroker}. */
export interface QueueBrokerOptions extends EmbeddedBrokerOptions {
  /** The queues that this is a client of. Default: its own. */
  readonly store?: QueueStore;
  /** The broker name that it serves. Default `rabbitmq`. */
  readonly name?: BrokerName;
}

/** What the queues can do: what RabbitMQ can. */
export const QUEUE_CAPABILITIES: Capabilities = {
  ordering: 'queue',
  settlesSingly: true,
  hasTombstones: false,
  reportsUnroutable: true,
  hasTypedHeaders: true,
  limitsDeliveries: true,
  retains: false,
};

/** A client of the embedded queues: exchanges, bindings, acks, as RabbitMQ has them, in this process and in memory only. */
export function createQueueBroker(options: QueueBrokerOptions): BrokerPort {
  const store = options.store ?? createQueueStore({ clock: options.clock });
  return new EmbeddedBroker(options.name ?? 'rabbitmq', queueEngine(store), options);
}

function queueEngine(store: QueueStore): Engine {
  return {
    product: 'queue',
    capabilities: QUEUE_CAPABILITIES,
    gate: store.gate,
    faults: store.faults,
    turns: store.turns,
    provision: (topology, report) => provisionQueues(store, topology, report),
    route: (destination) => routeTo(store, destination),
    feed: (spec) => new QueueFeed(store, spec.consumer),
    depth: (consumer) => store.queue(queueOf(consumer))?.ready ?? null,
    survey: (consumer) => surveyQueues(store, consumer),
    readLetters: (consumer) => readQueueLetters(store, deadLetterQueueOf(consumer)),
  };
}

function routeTo(store: QueueStore, destination: Destination): Route {
  if (destination.kind === 'topic') return routeToExchange(store, destination.topic);
  return routeToQueue(store, queueOfDestination(destination));
}

function routeToQueue(store: QueueStore, routingKey: string): Route {
  const address = { exchange: '', routingKey, isMandatory: true };
  return {
    place: routingKey,
    maxMessageBytes: store.maxMessageBytes,
    store: (message, bytes) => store.publish(address, message, bytes),
  };
}

function routeToExchange(store: QueueStore, topic: AnyTopic): Route {
  const exchange = exchangeOf(topic);
  const isMandatory = topic.unroutable === 'fail';
  const { routingKey = topic.name } = topic.rabbitmq ?? {};
  const place = { place: exchange, maxMessageBytes: store.maxMessageBytes };
  if (typeof routingKey === 'string') {
    const address = { exchange, routingKey, isMandatory };
    return { ...place, store: (message, bytes) => store.publish(address, message, bytes) };
  }
  return {
    ...place,
    store: (message, bytes) => {
      const key = computeRoutingKey(routingKey, message);
      return typeof key === 'string'
        ? store.publish({ exchange, routingKey: key, isMandatory }, message, bytes)
        : key;
    },
  };
}

/** The caller's function may throw or return nonsense: then that message fails, not the broker. */
function computeRoutingKey(
  routingKey: (message: { data: unknown; key: string | null }) => string,
  message: OutgoingMessage,
): string | PublishOutcome {
  try {
    const key = routingKey({ data: message.data, key: message.key });
    if (typeof key === 'string') return key;
    return invalidKey(`returned ${typeof key}`);
  } catch (error) {
    return invalidKey('threw', error);
  }
}

const invalidKey = (what: string, cause?: unknown): PublishOutcome => ({
  status: 'failed',
  error: new BuscouplerError('BC_MESSAGE_INVALID', `The topic's routing key function ${what}.`, { cause }),
});
