import type { BrokerPort, Destination } from '../../contract/broker.js';
import type { Capabilities } from '../../contract/capabilities.js';
import type { BrokerName } from '../../contract/message.js';
import { kafkaTopicOf, topicOfDestination } from '../../messages/names.js';
import { EmbeddedBroker, type EmbeddedBrokerOptions, type Engine } from './broker.js';
import { readLogLetters } from './letter-reading.js';
import { LogFeed } from './log-feed.js';
import { createLogStore, DEFAULT_MESSAGE_BYTES, type LogStore } from './log-store.js';
import { provisionLog } from './log-topology.js';
import type { Route } from './route.js';
import { surveyLog } from './survey.js';

/** Options of {@link createLogBroker}. */
export interface LogBrokerOptions extends EmbeddedBrokerOptions {
  /** The log that this is a client of. Default: one of its own. */
  readonly store?: LogStore;
  /** The broker name that it serves. Default `kafka`. */
  readonly name?: BrokerName;
}

/** What the log can do: what Kafka can. */
export const LOG_CAPABILITIES: Capabilities = {
  ordering: 'partition',
  settlesSingly: false,
  hasTombstones: true,
  reportsUnroutable: false,
  hasTypedHeaders: false,
  limitsDeliveries: false,
  retains: true,
};

/** A client of the embedded log: partitions, groups, offsets, as Kafka has them, in this process and in memory only. */
export function createLogBroker(options: LogBrokerOptions): BrokerPort {
  const store = options.store ?? createLogStore({ clock: options.clock });
  return new EmbeddedBroker(options.name ?? 'kafka', logEngine(store), options);
}

function logEngine(store: LogStore): Engine {
  return {
    product: 'log',
    capabilities: LOG_CAPABILITIES,
    gate: store.gate,
    faults: store.faults,
    turns: store.turns,
    provision: (topology, report) => provisionLog(store, topology, report),
    route: (destination) => routeTo(store, destination),
    feed: (spec) => new LogFeed(store, spec),
    depth: ({ group, topic }) => {
      const name = kafkaTopicOf(topic);
      return store.topic(name) === undefined ? null : store.lag(group, name);
    },
    survey: (consumer) => surveyLog(store, consumer),
    readLetters: (consumer) => readLogLetters(store, consumer),
  };
}

function routeTo(store: LogStore, destination: Destination): Route {
  const place = topicOfDestination(destination);
  return {
    place,
    get maxMessageBytes() {
      return store.topic(place)?.maxMessageBytes ?? DEFAULT_MESSAGE_BYTES;
    },
    store: (message, bytes) => store.append(place, message, bytes),
  };
}
