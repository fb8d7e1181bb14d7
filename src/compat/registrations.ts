import {
  BuscouplerError,
  type ConsumerDefinition,
  defineConsumer,
  defineTopic,
  type TopicDefinition,
} from '../index.js';
import { type DataHandler, dropLossy } from './drop-lossy.js';

/** Whose message it is: everybody's who subscribes, or one queue's. */
export type TopicKind = 'topic' | 'queue';

/** What a caller wants to consume. */
export interface Subscription {
  readonly kind: TopicKind;
  readonly topic: string;
  readonly group: string;
  readonly handler: DataHandler;
}

/** The topics and consumers that the clients' callers named; each topic has one definition. */
export class Registrations {
  readonly #topics = new Map<string, TopicDefinition>();
  readonly #consumers = new Map<string, ConsumerDefinition>();

  /**
   * The definition of a topic. A topic may have no queue on RabbitMQ yet; a message for a queue that is not there would
   * be lost, so that it is an error.
   */
  topicOf(name: string, kind: TopicKind): TopicDefinition {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const topic = defineTopic({ name, unroutable: kind === 'topic' ? 'accept' : 'fail' });
    this.#topics.set(name, topic);
    return topic;
  }

  /** Throws BC_DEFINITION_INVALID for a handler that is no function, bad names, a group that has this topic already, and a name that is taken. */
  add({ kind, topic, group, handler }: Subscription): ConsumerDefinition {
    if (typeof handler !== 'function')
      throw refuse(topic, group, `its handler is ${typeof handler}, no function`);
    const taken = this.consumers().filter((one) => one.group === group);
    if (taken.some((one) => one.topic.name === topic)) throw refuse(topic, group, 'it is registered already');
    // The first topic of a group has its plain name, as its queue has.
    const name = taken.length === 0 ? group : `${group}_${topic}`;
    const other = this.#consumers.get(name);
    if (other !== undefined) throw refuse(topic, group, nameIsTakenBy(other));
    const consumer = defineConsumer({
      name,
      topic: this.topicOf(topic, kind),
      group,
      handle: dropLossy(handler),
    });
    this.#consumers.set(consumer.name, consumer);
    return consumer;
  }

  remove({ name }: ConsumerDefinition): void {
    this.#consumers.delete(name);
  }

  consumers(): readonly ConsumerDefinition[] {
    return [...this.#consumers.values()];
  }

  isConsumed({ name }: TopicDefinition): boolean {
    return this.consumers().some(({ topic }) => topic.name === name);
  }
}

/** Two consumers of one name would share a flag and, in the inbox, what they have settled. */
const nameIsTakenBy = ({ name, topic, group }: ConsumerDefinition): string =>
  `"${name}" is the name of the consumer of "${topic.name}" in group "${group}"; choose another group`;

const refuse = (topic: unknown, group: unknown, why: string): BuscouplerError =>
  new BuscouplerError(
    'BC_DEFINITION_INVALID',
    `The consumer of "${topic}" in group "${group}" is refused: ${why}.`,
  );
