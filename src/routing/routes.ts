import type { BrokerPort } from '../contract/broker.js';
import { topicByName } from '../contract/define-topic.js';
import { BuscouplerError } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import type { AnyTopic } from '../contract/topic.js';
import { kafkaTopicOf } from '../messages/names.js';
import { checkTopic, checkTwins } from './check-topic.js';
import { openRoute, type Route, type RoutePlan } from './route.js';

/** Most topics that are remembered by name only; a caller who makes names up must not fill the memory. */
const MAX_BY_NAME = 10_000;

/** What the routes are made of. */
export interface RoutesOptions {
  readonly topics: readonly AnyTopic[];
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  readonly epochMs: () => number;
  /** Decides the brokers of a topic from definition and configuration. */
  readonly plan: (topic: AnyTopic) => RoutePlan;
}

/** A definition and what was planned for it; configuration may have changed the plan's topic. */
interface Known {
  readonly given: AnyTopic;
  readonly plan: RoutePlan;
}

/** The routes of a bus, by topic name; opened when first used. */
export class Routes {
  readonly #options: RoutesOptions;
  readonly #known = new Map<string, Known>();
  readonly #routes = new Map<string, Route>();
  /** By definition: another definition of the same name must not pass for it. */
  readonly #routesOf = new WeakMap<AnyTopic, Route>();

  constructor(options: RoutesOptions) {
    this.#options = options;
    for (const topic of options.topics) this.planOf(topic);
  }

  /** Every known plan. */
  plans(): readonly RoutePlan[] {
    return [...this.#known.values()].map(({ plan }) => plan);
  }

  /** Names of the Kafka topics of all known plans that are published to Kafka. */
  kafkaNames(): readonly string[] {
    return this.plans().flatMap(({ brokers, topic }) =>
      brokers.includes('kafka') ? [kafkaTopicOf(topic)] : [],
    );
  }

  /** The plan of a topic; makes it known. Throws BC_DEFINITION_INVALID, also for a second definition of one name. */
  planOf(topic: AnyTopic): RoutePlan {
    if (topic?.kind !== 'topic') {
      throw new BuscouplerError('BC_DEFINITION_INVALID', 'A topic must come from defineTopic.');
    }
    const known = this.#known.get(topic.name);
    if (known !== undefined && (topic === known.given || topic === known.plan.topic)) return known.plan;
    if (known !== undefined) {
      const what = `Topic "${topic.name}" is defined twice; share one definition.`;
      throw new BuscouplerError('BC_DEFINITION_INVALID', what);
    }
    const plan = this.#options.plan(topic);
    checkTopic(plan);
    if (plan.brokers.includes('kafka')) checkTwins([...this.kafkaNames(), kafkaTopicOf(plan.topic)]);
    this.#known.set(topic.name, { given: topic, plan });
    this.#routes.delete(topic.name); // of the time when it was published to by name only
    return plan;
  }

  /** The route of a definition, or of a name: that of the definition if there is one. */
  of(topic: AnyTopic | string): Route {
    if (typeof topic === 'string') return this.#routes.get(topic) ?? this.#openByName(topic);
    if (topic?.kind !== 'topic') {
      throw new BuscouplerError('BC_MESSAGE_INVALID', 'The topic is no name and no definition.');
    }
    return this.#routesOf.get(topic) ?? this.#openByDefinition(topic);
  }

  #openByDefinition(topic: AnyTopic): Route {
    this.planOf(topic);
    const route = this.of(topic.name);
    this.#routesOf.set(topic, route);
    return route;
  }

  #openByName(name: string): Route {
    const known = this.#known.get(name);
    const plan = known?.plan ?? this.#options.plan(topicByName(name));
    if (known === undefined) checkTopic(plan);
    const route = openRoute(plan, this.#options.ports, this.#options.epochMs);
    if (known !== undefined || this.#routes.size < MAX_BY_NAME) this.#routes.set(name, route);
    return route;
  }
}
