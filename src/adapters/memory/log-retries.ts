import type { AnyConsumer } from '../../contract/consumer.js';
import { parseDurationMs } from '../../contract/duration.js';
import { HEADERS } from '../../messages/header-names.js';
import { readTimeMs } from '../../messages/headers.js';
import { retryTopicOf } from '../../messages/names.js';
import type { DueAt } from './log-assignment.js';
import type { LogStore } from './log-store.js';

/** Every delay that a consumer's copies may wait for, 0 included: replays come back at once. */
export const delaysOf = ({ retry }: AnyConsumer): readonly number[] => [0, ...retry.deferredMs];

/**
 * The retry topics of a consumer with their delays, ms: those of its list as far as they exist, and those of delays that
 * were taken off the list while copies wait there.
 */
export function retryTopicsOf(store: LogStore, consumer: AnyConsumer): ReadonlyMap<string, number> {
  const topics = new Map<string, number>();
  for (const delayMs of delaysOf(consumer)) {
    const name = retryTopicOf(consumer, delayMs);
    if (store.topic(name) !== undefined) topics.set(name, delayMs);
  }
  const stem = retryTopicOf(consumer, 0).slice(0, -'0s'.length);
  for (const name of store.topicNames()) {
    const delay = name.startsWith(stem) ? name.slice(stem.length) : '';
    if (topics.has(name) || !/^\d+(ms|s|m|h|d)$/.test(delay)) continue;
    if (store.lag(consumer.group, name) > 0) topics.set(name, parseDurationMs(delay, name));
  }
  return topics;
}

/** A copy is due when it says, and at the latest when its delay is over: that one may be longer than what is left. */
export const dueAtOf =
  (delayMs: number): DueAt =>
  ({ headers, timestampMs }) =>
    Math.min(readTimeMs(headers, HEADERS.dueAt) ?? Number.POSITIVE_INFINITY, (timestampMs ?? 0) + delayMs);
