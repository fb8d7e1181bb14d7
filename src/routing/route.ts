import type { BrokerPort, Publisher } from '../contract/broker.js';
import type { BrokerName } from '../contract/message.js';
import type { Receipt } from '../contract/message-bus.js';
import type { AnyTopic, PublishPolicy } from '../contract/topic.js';
import { USER_HEADERS_MAX_BYTES } from '../messages/header-names.js';
import { type Compose, createComposer } from './compose-message.js';

/** Which brokers a topic is published to, and when that counts as done. */
export interface RoutePlan {
  readonly topic: AnyTopic;
  /** At least one, in the order of receipts. */
  readonly brokers: readonly BrokerName[];
  readonly policy: PublishPolicy;
  /** The broker that must store with policy `primary`. */
  readonly primary: BrokerName;
}

/** One broker of a route, ready to publish. */
export interface RouteLeg {
  readonly broker: BrokerName;
  readonly publisher: Publisher;
}

/** A route with everything that a publish needs, made once per topic. */
export interface Route extends RoutePlan {
  readonly legs: readonly RouteLeg[];
  /** Index of the primary broker's leg. */
  readonly primaryIndex: number;
  /** What every receipt of a message that all brokers stored says; frozen, because it is shared. */
  readonly allStored: Receipt['brokers'];
  readonly compose: Compose;
}

/** Bytes that are kept free below every limit, so that dead-letter copies with our headers fit. */
const RESERVED_BYTES = USER_HEADERS_MAX_BYTES;

/** Makes a route ready. */
export function openRoute(
  plan: RoutePlan,
  ports: ReadonlyMap<BrokerName, BrokerPort>,
  epochMs: () => number,
): Route {
  const legs = plan.brokers.map((broker) => {
    const port = ports.get(broker);
    if (port === undefined) throw new TypeError(`no port for ${broker}`);
    return { broker, publisher: port.publisher({ kind: 'topic', topic: plan.topic }) };
  });
  return {
    ...plan,
    legs,
    primaryIndex: plan.brokers.indexOf(plan.primary),
    allStored: Object.freeze(Object.fromEntries(plan.brokers.map((broker) => [broker, 'stored']))),
    compose: createComposer(plan.topic, epochMs),
  };
}

/** Largest body and user headers in bytes that every broker of the route takes. */
export function limitOf({ legs }: Route): number {
  let limit = Number.POSITIVE_INFINITY;
  for (const { publisher } of legs) limit = Math.min(limit, publisher.maxMessageBytes);
  return Math.max(0, limit - RESERVED_BYTES);
}
