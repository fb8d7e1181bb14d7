import type { Headers, Position } from '../../contract/message.js';
import { compilePattern, type Matcher, matchHeaders } from './binding-pattern.js';
import type { QueuePlace } from './queue-place.js';

/** Kinds of exchanges. */
export type ExchangeType = 'topic' | 'direct' | 'fanout' | 'headers';

/** A binding key, or the arguments of a headers binding. */
export type BindingKey = string | Readonly<Record<string, string>>;

/** A queue that a message goes to, and the position that says how it got there. */
export interface RouteTarget {
  readonly queue: QueuePlace;
  readonly position: Position;
}

interface Binding {
  readonly queue: QueuePlace;
  readonly key: BindingKey;
  readonly matches: Matcher;
}

/** Routing keys whose targets are remembered; the keys of a function of the message may be without number. */
const REMEMBERED_KEYS = 1_000;

const sameKey = (one: BindingKey, other: BindingKey): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** An exchange: which queues a message goes to. */
export class QueueExchange {
  readonly name: string;
  readonly type: ExchangeType;
  #bindings: Binding[] = [];
  readonly #remembered = new Map<string, readonly RouteTarget[]>();

  constructor(name: string, type: ExchangeType) {
    this.name = name;
    this.type = type;
  }

  /** Idempotent. */
  bind(queue: QueuePlace, key: BindingKey): void {
    if (this.#bindings.some((one) => one.queue === queue && sameKey(one.key, key))) return;
    this.#remembered.clear();
    this.#bindings.push({ queue, key, matches: this.#matcherOf(key) });
  }

  unbind(queue: QueuePlace, key: BindingKey): void {
    this.#keep((one) => one.queue !== queue || !sameKey(one.key, key));
  }

  unbindAll(queue: QueuePlace): void {
    this.#keep((one) => one.queue !== queue);
  }

  /** Each queue once, however many of its bindings match. */
  route(routingKey: string, headers: Headers): readonly RouteTarget[] {
    if (this.type === 'headers') {
      return this.#targets(routingKey, (one) => matchHeaders(one.key as Record<string, string>, headers));
    }
    let targets = this.#remembered.get(routingKey);
    if (targets === undefined) {
      targets = this.#targets(routingKey, (one) => one.matches(routingKey));
      if (this.#remembered.size >= REMEMBERED_KEYS) this.#remembered.clear();
      this.#remembered.set(routingKey, targets);
    }
    return targets;
  }

  #targets(routingKey: string, matches: (binding: Binding) => boolean): RouteTarget[] {
    const queues = new Set(this.#bindings.filter(matches).map((one) => one.queue));
    return [...queues].map((queue) => ({
      queue,
      position: { broker: 'rabbitmq', queue: queue.name, exchange: this.name, routingKey },
    }));
  }

  #matcherOf(key: BindingKey): Matcher {
    if (this.type === 'fanout' || typeof key !== 'string') return () => true;
    return this.type === 'topic' ? compilePattern(key) : (routingKey) => routingKey === key;
  }

  #keep(isKept: (binding: Binding) => boolean): void {
    this.#remembered.clear();
    this.#bindings = this.#bindings.filter(isKept);
  }
}
