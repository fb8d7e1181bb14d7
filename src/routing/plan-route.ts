import { BuscouplerError } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import type { AnyTopic, PublishPolicy } from '../contract/topic.js';
import type { RoutePlan } from './route.js';

/** What the bus says of every route. */
export interface RouteDefaults {
  readonly enabled: readonly BrokerName[];
  readonly policy: PublishPolicy;
  readonly primary?: BrokerName;
}

/**
 * The brokers of a topic: those that it names, else every enabled one, so that with both enabled everything is published
 * to both. Throws BC_DEFINITION_INVALID when none of them is enabled or the primary one is missing.
 */
export function planRoute(topic: AnyTopic, defaults: RouteDefaults): RoutePlan {
  const refuse = (what: string): never => {
    throw new BuscouplerError('BC_DEFINITION_INVALID', `Topic "${topic.name}": ${what}.`);
  };
  const { enabled } = defaults;
  const brokers =
    topic.brokers === undefined ? enabled : enabled.filter((name) => topic.brokers?.includes(name));
  const only = brokers[0];
  if (only === undefined)
    return refuse(`brokers is ${topic.brokers?.join(', ')}; enabled: ${enabled.join(', ')}`);
  const policy = topic.policy ?? defaults.policy;
  const primary = topic.primary ?? defaults.primary ?? (brokers.length === 1 ? only : undefined);
  if (policy !== 'primary') return { topic, brokers, policy, primary: primary ?? only };
  if (primary === undefined)
    return refuse('policy "primary" needs primary, the name of the broker that must store');
  if (!brokers.includes(primary))
    return refuse(`primary is ${primary}, but it is published to ${brokers.join(', ')}`);
  return { topic, brokers, policy, primary };
}

/** Why a broker may miss messages of the route for ever; `null`: it gets every message that was published. */
export function gapOf({ brokers, policy, primary, topic }: RoutePlan, broker: BrokerName): string | null {
  if (brokers.length === 1 || policy === 'all' || topic.allowGaps) return null;
  if (policy === 'primary' && broker === primary) return null;
  return `with policy "${policy}" its copy for ${broker} waits in memory only and is lost with the process`;
}
