import type { Topology } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import type { AnyTopic, KafkaTopicSettings } from '../../contract/topic.js';
import { checkName, deadLetterTopicOf, kafkaTopicOf, retryTopicOf } from '../../messages/names.js';

/** A topic that must exist. */
export interface PlannedTopic {
  readonly name: string;
  readonly settings: KafkaTopicSettings;
  /** It is only checked. */
  readonly mustExist: boolean;
}

/** A topic for copies, which takes after the topic of its consumer. */
export interface PlannedCopies {
  readonly name: string;
  readonly of: string;
  readonly kind: 'dead-letter' | 'retry';
  /** Longest time that a copy may have to wait in it by plan, ms. */
  readonly delayMs: number;
}

/** A group that must know where it begins to read. */
export interface PlannedGroup {
  readonly group: string;
  readonly topic: string;
  readonly startFrom: 'earliest' | 'latest';
}

/** What a topology needs on Kafka, each thing once. */
export interface TopicPlan {
  readonly topics: readonly PlannedTopic[];
  /** Dead-letter topics and retry topics. */
  readonly copies: readonly PlannedCopies[];
  readonly groups: readonly PlannedGroup[];
}

function planTopic(topic: AnyTopic): PlannedTopic {
  const name = kafkaTopicOf(topic);
  checkName(name, 'Kafka topic');
  const settings = topic.kafka ?? {};
  return { name, settings, mustExist: settings.existing === true || !topic.isDefined };
}

const delaysOf = ({ retry }: AnyConsumer): readonly number[] => [0, ...retry.deferredMs];

/** The group on its topic, and on its retry topics, which are its own from their first record on. */
function planGroups(consumer: AnyConsumer): PlannedGroup[] {
  const { group } = consumer;
  checkName(group, 'Kafka group');
  const startFrom = consumer.kafka.startFrom ?? 'earliest';
  const retries = delaysOf(consumer).map(
    (delayMs): PlannedGroup => ({ group, topic: retryTopicOf(consumer, delayMs), startFrom: 'earliest' }),
  );
  return [{ group, topic: kafkaTopicOf(consumer.topic), startFrom }, ...retries];
}

function planDeadLetters(consumer: AnyConsumer): PlannedCopies {
  const name = deadLetterTopicOf(consumer);
  checkName(name, 'Kafka dead-letter topic');
  return { name, of: kafkaTopicOf(consumer.topic), kind: 'dead-letter', delayMs: 0 };
}

/** One topic per delay, and one for copies that come back at once (replays). */
function planRetries(consumer: AnyConsumer): PlannedCopies[] {
  return delaysOf(consumer).map((delayMs) => {
    const name = retryTopicOf(consumer, delayMs);
    checkName(name, 'Kafka retry topic');
    return { name, of: kafkaTopicOf(consumer.topic), kind: 'retry', delayMs };
  });
}

const unique = <Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] => [
  ...new Map(items.map((item) => [keyOf(item), item])).values(),
];

/** Throws BC_NAME_INVALID before anything is created. */
export function planTopics({ topics, consumers }: Topology): TopicPlan {
  const all = [...topics, ...consumers.map((consumer) => consumer.topic)];
  return {
    topics: unique(all.map(planTopic), ({ name }) => name),
    copies: unique(
      [...consumers.map(planDeadLetters), ...consumers.flatMap(planRetries)],
      ({ name }) => name,
    ),
    groups: unique(consumers.flatMap(planGroups), ({ group, topic }) => `${group}\n${topic}`),
  };
}
