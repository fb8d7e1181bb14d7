import type { AnyConsumer } from '../../contract/consumer.js';
import { type LogPosition, parseLogPosition } from '../../contract/log-position.js';
import type { StuckBatch } from './poison-letter.js';

/** True if the position is that of a record in the batch. */
export function isWithin({ topic, partition, offset }: LogPosition, stuck: StuckBatch): boolean {
  const at = BigInt(offset);
  const { firstOffset, lastOffset } = stuck.batch;
  return topic === stuck.topic && partition === stuck.partition && at >= firstOffset && at <= lastOffset;
}

/** The positions that an operator named, by consumer: those of its settings, and those that were added since. */
export class SkipList {
  readonly #added = new Map<string, LogPosition[]>();

  add(consumer: AnyConsumer, position: LogPosition): void {
    this.#added.set(consumer.name, [...(this.#added.get(consumer.name) ?? []), position]);
  }

  /** True if a batch that stops this consumer is to be stepped over. */
  covers({ name, kafka }: AnyConsumer, stuck: StuckBatch): boolean {
    const standing = (kafka.skip ?? []).map(parseLogPosition).filter((one) => one !== null);
    return [...standing, ...(this.#added.get(name) ?? [])].some((position) => isWithin(position, stuck));
  }
}
