import type { AnyConsumer } from '../../contract/consumer.js';
import type { Survey } from '../../contract/survey.js';
import {
  deadLetterQueueOf,
  deadLetterTopicOf,
  kafkaTopicOf,
  queueOf,
  retryQueuesOf,
} from '../../messages/names.js';
import { retryTopicsOf } from './log-retries.js';
import type { LogStore } from './log-store.js';
import type { QueueStore } from './queue-store.js';

/** Counts what the log holds for a consumer. */
export function surveyLog(store: LogStore, consumer: AnyConsumer): Survey {
  const { group } = consumer;
  const topic = kafkaTopicOf(consumer.topic);
  const isThere = store.topic(topic) !== undefined;
  const lagOf = (name: string): number => (store.topic(name) === undefined ? 0 : store.lag(group, name));
  const letters = store.topic(deadLetterTopicOf(consumer))?.partitions ?? [];
  return {
    waiting: isThere ? lagOf(topic) : null,
    unsettled: null,
    oldestAtMs: isThere ? oldestOf(store, group, topic) : null,
    retries: [...retryTopicsOf(store, consumer).keys()].reduce((sum, name) => sum + lagOf(name), 0),
    deadLetters: letters.reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0),
    readers: store.readers(group, topic),
  };
}

function oldestOf(store: LogStore, group: string, topic: string): number | null {
  const offsets = store.committed(group, topic);
  const times = store.requireTopic(topic).partitions.flatMap((partition) => {
    const next = Math.max(offsets[partition.index] ?? 0, partition.startOffset);
    return partition.read(next)?.timestampMs ?? [];
  });
  return times.length === 0 ? null : Math.min(...times);
}

/** Counts what the queues hold for a consumer. */
export function surveyQueues(store: QueueStore, consumer: AnyConsumer): Survey {
  const work = store.queue(queueOf(consumer));
  const readyIn = (name: string): number => store.queue(name)?.ready ?? 0;
  return {
    waiting: work?.ready ?? null,
    unsettled: work?.unsettled ?? null,
    oldestAtMs: null,
    retries: retryQueuesOf(consumer).reduce((sum, name) => sum + readyIn(name), 0),
    deadLetters: readyIn(deadLetterQueueOf(consumer)),
    readers: work?.consumers ?? 0,
  };
}
