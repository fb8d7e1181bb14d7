import type { BrokerPort } from '../contract/broker.js';
import { topicByName } from '../contract/define-topic.js';
import { BuscouplerError } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import type { AnyTopic } from '../contract/topic.js';
import { checkName } from '../messages/names.js';
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

/** The routes of a bus, by topic name; opened when first used. */
export class Routes {
  readonly #options: RoutesOptions;
  readonly #plans = new Map<string, RoutePlan>();
  readonly #routes = new Map<string, Route>();

  constructor(options: RoutesOptions) {
    this.#options = options;
    for (const topic of options.topics) this.planOf(topic);
  }

  /** Every known plan. */
  plans(): readonly RoutePlan[] {
    return [...this.#plans.values()];
  }

  /** The plan of a topic; makes it known. */
  planOf(topic: AnyTopic): RoutePlan {
    const known = this.#plans.get(topic.name);
    if (known !== undefined) return known;
    const plan = this.#options.plan(topic);
    this.#plans.set(topic.name, plan);
    return plan;
  }

  /** The route of a definition, or of a name: that of the definition if there is one. */
  of(topic: AnyTopic | string): Route {
    const name = typeof topic === 'string' ? topic : topic?.name;
    return this.#routes.get(name) ?? this.#open(topic);
  }

  #open(topic: AnyTopic | string): Route {
    const plan = typeof topic === 'string' ? this.#planByName(topic) : this.planOf(topic);
    const route = openRoute(plan, this.#options.ports, this.#options.epochMs);
    if (this.#routes.size >= MAX_BY_NAME && !plan.topic.isDefined) return route;
    this.#routes.set(plan.topic.name, route);
    return route;
  }

  #planByName(name: string): RoutePlan {
    const known = this.#plans.get(name);
    if (known !== undefined) return known;
    if (typeof name !== 'string')
      throw new BuscouplerError('BC_MESSAGE_INVALID', 'The topic is no name and no definition.');
    checkName(name, 'topic');
    return this.#options.plan(topicByName(name));
  }
}
