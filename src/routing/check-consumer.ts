import type { AnyConsumer } from '../contract/consumer.js';
import { BuscouplerError } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import {
  checkName,
  deadLetterQueueOf,
  deadLetterTopicOf,
  exchangeOf,
  kafkaTopicOf,
  queueOf,
  twinKeyOf,
} from '../messages/names.js';
import { gapOf } from './plan-route.js';
import type { RoutePlan } from './route.js';

function refuse(consumer: AnyConsumer, what: string): never {
  throw new BuscouplerError('BC_DEFINITION_INVALID', `Consumer "${consumer.name}": ${what}.`);
}

/**
 * The consumer with its queue's name: the group, or with several topics in one group `{group}_{topic}`, so that one
 * queue serves one topic. The first topic of a group keeps the plain name, which a running service may have already.
 */
export function nameQueue(consumer: AnyConsumer, present: readonly AnyConsumer[]): AnyConsumer {
  if (consumer.rabbitmq.queue !== undefined) return consumer;
  const isShared = present.some(
    ({ group, topic }) => group === consumer.group && topic.name !== consumer.topic.name,
  );
  if (!isShared) return consumer;
  const queue = `${consumer.group}_${consumer.topic.name}`;
  return Object.freeze({ ...consumer, rabbitmq: { ...consumer.rabbitmq, queue } });
}

/** Every name that a consumer makes a place of, with what it is. */
function placesOf(consumer: AnyConsumer): readonly (readonly [name: string, what: string])[] {
  return [
    [kafkaTopicOf(consumer.topic), 'topic'],
    [exchangeOf(consumer.topic), 'exchange'],
    [consumer.group, 'group'],
    [queueOf(consumer), 'queue'],
    [deadLetterTopicOf(consumer), 'dead-letter topic'],
    [deadLetterQueueOf(consumer), 'dead-letter queue'],
  ];
}

function checkNames(consumer: AnyConsumer): void {
  // What exists was named by somebody else, dots, spaces and all; only names that we create must fit both brokers.
  const existing = new Set<string>();
  if (consumer.topic.rabbitmq?.existing) existing.add('exchange');
  if (consumer.rabbitmq.existing) existing.add('queue');
  for (const [name, what] of placesOf(consumer)) {
    if (!existing.has(what)) checkName(name, `${what} of consumer "${consumer.name}"`);
  }
}

/** Refuses a consumer that shares a name, a queue, or a group on one topic with one that is there. */
function checkAgainst(consumer: AnyConsumer, other: AnyConsumer): void {
  if (consumer.name === other.name) refuse(consumer, 'there is another one of this name');
  if (queueOf(consumer) === queueOf(other)) {
    refuse(
      consumer,
      `it would share the queue "${queueOf(consumer)}" with "${other.name}"; give one of them rabbitmq.queue`,
    );
  }
  if (consumer.group === other.group && kafkaTopicOf(consumer.topic) === kafkaTopicOf(other.topic)) {
    refuse(consumer, `it would share the group "${consumer.group}" on one topic with "${other.name}"`);
  }
}

/** Refuses two Kafka topics whose names Kafka holds equal (`a.b` and `a_b`). */
export function checkTwins(names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const twin = seen.get(twinKeyOf(name));
    if (twin !== undefined && twin !== name) {
      throw new BuscouplerError('BC_NAME_INVALID', `Kafka holds the topics "${twin}" and "${name}" equal.`);
    }
    seen.set(twinKeyOf(name), name);
  }
}

/** Kafka topics that belong to a consumer. */
export const kafkaNamesOf = (consumer: AnyConsumer): readonly string[] => [
  kafkaTopicOf(consumer.topic),
  deadLetterTopicOf(consumer),
];

/** Refuses a broker that the consumer's topic does not reach, or may reach in part only. */
export function checkFeed(
  consumer: AnyConsumer,
  plan: RoutePlan,
  feed: { broker: BrokerName; setting: string },
): void {
  const { broker, setting } = feed;
  if (!plan.brokers.includes(broker)) {
    refuse(
      consumer,
      `${setting} says ${broker}, but its topic "${plan.topic.name}" is published to ${plan.brokers.join(', ')} (topics.${plan.topic.name}.brokers)`,
    );
  }
  const gap = gapOf(plan, broker);
  if (gap !== null) {
    refuse(consumer, `topic "${plan.topic.name}": ${gap}; set allowGaps: true on the topic if that is meant`);
  }
}

/** Checks a consumer by itself and against those that are there. */
export function checkConsumer(consumer: AnyConsumer, present: readonly AnyConsumer[]): void {
  checkNames(consumer);
  for (const other of present) checkAgainst(consumer, other);
  checkTwins([...present.flatMap(kafkaNamesOf), ...kafkaNamesOf(consumer)]);
}
