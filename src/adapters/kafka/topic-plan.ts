import type { Topology } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import type { AnyTopic, KafkaTopicSettings } from '../../contract/topic.js';
import { checkName, deadLetterTopicOf, kafkaTopicOf } from '../../messages/names.js';

/** A topic that must exist. */
export interface PlannedTopic {
  readonly name: string;
  readonly settings: KafkaTopicSettings;
  /** It is only checked. */
  readonly mustExist: boolean;
}

/** A dead-letter topic, which takes after the topic of its consumer. */
export interface PlannedDeadLetters {
  readonly name: string;
  readonly of: string;
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
  readonly deadLetters: readonly PlannedDeadLetters[];
  readonly groups: readonly PlannedGroup[];
}

function planTopic(topic: AnyTopic): PlannedTopic {
  const name = kafkaTopicOf(topic);
  checkName(name, 'Kafka topic');
  const settings = topic.kafka ?? {};
  return { name, settings, mustExist: settings.existing === true || !topic.isDefined };
}

function planGroup(consumer: AnyConsumer): PlannedGroup {
  const { group } = consumer;
  checkName(group, 'Kafka group');
  return { group, topic: kafkaTopicOf(consumer.topic), startFrom: consumer.kafka.startFrom ?? 'earliest' };
}

function planDeadLetters(consumer: AnyConsumer): PlannedDeadLetters {
  const name = deadLetterTopicOf(consumer);
  checkName(name, 'Kafka dead-letter topic');
  return { name, of: kafkaTopicOf(consumer.topic) };
}

const unique = <Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] => [
  ...new Map(items.map((item) => [keyOf(item), item])).values(),
];

/** Throws BC_NAME_INVALID before anything is created. */
export function planTopics({ topics, consumers }: Topology): TopicPlan {
  const all = [...topics, ...consumers.map((consumer) => consumer.topic)];
  return {
    topics: unique(all.map(planTopic), ({ name }) => name),
    deadLetters: unique(consumers.map(planDeadLetters), ({ name }) => name),
    groups: unique(consumers.map(planGroup), ({ group, topic }) => `${group}\n${topic}`),
  };
}
