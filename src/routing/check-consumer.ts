import type { AnyConsumer } from '../contract/consumer.js';
import { BuscouplerError } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import {
  checkName,
  deadLetterQueueOf,
  deadLetterTopicOf,
  kafkaTopicOf,
  queueOf,
  retryQueuesOf,
  retryTopicOf,
  retryTopicsOf,
} from '../messages/names.js';
import { gapOf } from './plan-route.js';
import type { RoutePlan } from './route.js';

function refuse(consumer: AnyConsumer, what: string): never {
  throw new BuscouplerError('BC_DEFINITION_INVALID', `Consumer "${consumer.name}": ${what}.`);
}

/**
 * The consumer with the names of its queue and retry topics: the group, or with several topics in one group
 * `{group}_{topic}`, so that one queue serves one topic. The first topic of a group keeps the plain name, which a running
 * service may have already.
 */
export function namePlaces(consumer: AnyConsumer, present: readonly AnyConsumer[]): AnyConsumer {
  const isShared = present.some(
    ({ group, topic }) => group === consumer.group && topic.name !== consumer.topic.name,
  );
  if (!isShared) return consumer;
  const own = `${consumer.group}_${consumer.topic.name}`;
  return Object.freeze({
    ...consumer,
    kafka: { retryPrefix: own, ...consumer.kafka },
    rabbitmq: { queue: own, ...consumer.rabbitmq },
  });
}

/** Every name that a consumer makes a place of on these brokers, with what it is. What exists was named by others. */
function placesOf(consumer: AnyConsumer, brokers: readonly BrokerName[]): [name: string, what: string][] {
  const places: [string, string][] = [[consumer.group, 'group']];
  const [onKafka, onRabbitmq] = [brokers.includes('kafka'), brokers.includes('rabbitmq')];
  if (onKafka) places.push([deadLetterTopicOf(consumer), 'dead-letter topic']);
  if (onRabbitmq) {
    if (!consumer.rabbitmq.existing) places.push([queueOf(consumer), 'queue']);
    places.push([deadLetterQueueOf(consumer), 'dead-letter queue']);
  }
  if (onKafka) for (const topic of retryTopicsOf(consumer)) places.push([topic, 'retry topic']);
  if (onRabbitmq) for (const queue of retryQueuesOf(consumer)) places.push([queue, 'retry queue']);
  return places;
}

/** Refuses dead letters that would come straight back. */
function checkDeadLetters(consumer: AnyConsumer, present: readonly AnyConsumer[]): void {
  if (deadLetterTopicOf(consumer) === kafkaTopicOf(consumer.topic)) {
    refuse(consumer, `kafka.deadLetterTopic is its own topic "${kafkaTopicOf(consumer.topic)}"`);
  }
  for (const one of [consumer, ...present]) {
    for (const other of [consumer, ...present]) {
      // A queue that exists may be somebody's dead-letter queue that this consumer is meant to look through.
      if (deadLetterQueueOf(one) !== queueOf(other) || (one !== other && other.rabbitmq.existing)) continue;
      refuse(consumer, `the dead-letter queue of "${one.name}" is the queue of "${other.name}"`);
    }
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
  if (retryTopicOf(consumer, 0) === retryTopicOf(other, 0)) {
    const name = retryTopicOf(consumer, 0);
    refuse(
      consumer,
      `it would share retry topics ("${name}") with "${other.name}"; give one of them kafka.retryPrefix`,
    );
  }
}

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

/** Checks a consumer of a topic on these brokers, by itself and against those that are there. */
export function checkConsumer(
  consumer: AnyConsumer,
  present: readonly AnyConsumer[],
  brokers: readonly BrokerName[],
): void {
  for (const [name, what] of placesOf(consumer, brokers)) {
    checkName(name, `${what} of consumer "${consumer.name}"`);
  }
  for (const other of present) checkAgainst(consumer, other);
  checkDeadLetters(consumer, present);
}
