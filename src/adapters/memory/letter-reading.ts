import type { StoredLetter } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { HEADERS } from '../../messages/header-names.js';
import { readText } from '../../messages/headers.js';
import { deadLetterTopicOf } from '../../messages/names.js';
import type { LogPartition } from './log-partition.js';
import type { LogStore } from './log-store.js';
import type { QueueEntry } from './queue-entry.js';
import type { QueueStore } from './queue-store.js';

/** A look through a dead-letter place, up to what was there when it began. */
export interface LetterReading {
  /** `null`: that was all. */
  next(): StoredLetter | null;
  /** What was not removed stays in its place, or comes back to it. Idempotent. */
  end(): void;
}

/** Hands out the letters of a queue one by one; until the reading ends nobody else sees them. Throws BC_PLACE_MISSING. */
export function readQueueLetters(store: QueueStore, name: string): LetterReading {
  const queue = store.requireQueue(name);
  const last = queue.lastSequence;
  const held = new Set<QueueEntry>();
  const remove = async (entry: QueueEntry): Promise<boolean> => held.delete(entry) && queue.take(entry);
  return {
    next() {
      const entry = queue.lend(last);
      if (entry === undefined) return null;
      held.add(entry);
      return { message: entry.message, remove: () => remove(entry) };
    },
    end() {
      queue.giveBack(held);
      held.clear();
    },
  };
}

interface Reach {
  readonly partition: LogPartition;
  next: number;
  readonly end: number;
}

const stays = async (): Promise<boolean> => false;

/**
 * Reads the partitions of a topic side by side, the oldest record first; letters of other consumers of the topic are left
 * out. Throws BC_PLACE_MISSING.
 */
export function readLogLetters(store: LogStore, consumer: AnyConsumer): LetterReading {
  const name = deadLetterTopicOf(consumer);
  const { partitions } = store.requireTopic(name);
  const reaches: Reach[] = partitions.map((partition) => ({
    partition,
    next: partition.startOffset,
    end: partition.endOffset,
  }));
  return {
    next() {
      for (let oldest = oldestOf(reaches); oldest !== null; oldest = oldestOf(reaches)) {
        oldest.reach.next += 1;
        const owner = readText(oldest.message.headers, HEADERS.failedConsumer);
        if (owner === null || owner === consumer.name) return { message: oldest.message, remove: stays };
      }
      return null;
    },
    end: () => undefined,
  };
}

function oldestOf(reaches: readonly Reach[]) {
  let oldest: { reach: Reach; message: StoredLetter['message'] } | null = null;
  for (const reach of reaches) {
    // Retention may have deleted what was there.
    reach.next = Math.max(reach.next, reach.partition.startOffset);
    const message = reach.next < reach.end ? reach.partition.read(reach.next) : undefined;
    if (message === undefined) continue;
    if (oldest === null || (message.timestampMs ?? 0) < (oldest.message.timestampMs ?? 0)) {
      oldest = { reach, message };
    }
  }
  return oldest;
}
