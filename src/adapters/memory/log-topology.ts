import type { Topology } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import type { AnyTopic } from '../../contract/topic.js';
import { deadLetterTopicOf, kafkaTopicOf, retryTopicOf } from '../../messages/names.js';
import type { PlaceCreated } from './broker.js';
import type { LogRetention } from './log-partition.js';
import { delaysOf } from './log-retries.js';
import type { LogStore, LogTopicOptions } from './log-store.js';

type Report = (place: PlaceCreated) => void;

/** Room that a copy (dead letter, retry) has beyond its message, for our headers. */
const COPY_HEADER_BYTES = 64 * 1024;

/** Creates or checks topics, dead-letter and retry topics and the start of groups. */
export function provisionLog(store: LogStore, topology: Topology, report: Report): void {
  for (const topic of topology.topics) provisionTopic(store, topic, report);
  for (const consumer of topology.consumers) provisionConsumer(store, consumer, report);
}

function provisionTopic(store: LogStore, topic: AnyTopic, report: Report): void {
  const name = kafkaTopicOf(topic);
  if (topic.kafka?.existing || !topic.isDefined) {
    store.requireTopic(name);
  } else if (store.createTopic(topicOptions(topic, name))) {
    report({ kind: 'topic', name });
  }
}

function provisionConsumer(store: LogStore, consumer: AnyConsumer, report: Report): void {
  provisionTopic(store, consumer.topic, report);
  const topic = store.requireTopic(kafkaTopicOf(consumer.topic));
  const name = deadLetterTopicOf(consumer);
  const maxMessageBytes = topic.maxMessageBytes + COPY_HEADER_BYTES;
  const copies = { partitions: topic.partitions.length, maxMessageBytes, isKept: true };
  if (store.createTopic({ name, ...copies })) report({ kind: 'dead-letter', name });
  for (const delayMs of delaysOf(consumer)) {
    const retry = retryTopicOf(consumer, delayMs);
    if (store.createTopic({ name: retry, ...copies })) report({ kind: 'topic', name: retry });
    store.group(consumer.group).startAt(retry, 'earliest');
  }
  store.group(consumer.group).startAt(topic.name, consumer.kafka.startFrom ?? 'earliest');
}

/** The topic's own settings, in Kafka's names; settings that the log does not have are left aside. */
function topicOptions(topic: AnyTopic, name: string): LogTopicOptions {
  const { partitions, config = {} } = topic.kafka ?? {};
  const retention = retentionOf(config);
  const maxMessageBytes = readPositive(config['max.message.bytes']);
  return {
    name,
    ...(partitions === undefined ? {} : { partitions }),
    ...(retention === null ? {} : { retention }),
    ...(maxMessageBytes === null ? {} : { maxMessageBytes }),
  };
}

function retentionOf(config: Readonly<Record<string, string>>): LogRetention | null {
  const maxAgeMs = readPositive(config['retention.ms']);
  const maxBytes = readPositive(config['retention.bytes']);
  if (maxAgeMs === null && maxBytes === null) return null;
  return { ...(maxAgeMs === null ? {} : { maxAgeMs }), ...(maxBytes === null ? {} : { maxBytes }) };
}

/** A number over 0; `-1` means unlimited in Kafka. */
function readPositive(text: string | undefined): number | null {
  const value = Number(text ?? -1);
  return value > 0 ? value : null;
}
