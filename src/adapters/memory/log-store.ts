import { type PublishOutcome, STORED } from '../../contract/broker.js';
import type { Clock } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { IncomingMessage, OutgoingMessage } from '../../contract/message.js';
import { partitionOfKey } from '../../messages/murmur2.js';
import { checkName, twinKeyOf } from '../../messages/names.js';
import { failedOutcome } from './failed-outcome.js';
import { Faults } from './faults.js';
import { Gate } from './gate.js';
import { LogGroup, NOT_COMMITTED } from './log-group.js';
import { LogPartition, type LogRetention } from './log-partition.js';
import { MESSAGE_OVERHEAD_BYTES, messageSize } from './message-size.js';
import { type ForeignMessage, fromForeign } from './messages.js';
import { Turns } from './turns.js';

/** Options of {@link createLogStore}. */
export interface LogStoreOptions {
  readonly clock: Clock;
  /**
   * Memory for everything stored, bytes, with 256 a message for the objects around it. Over it the oldest records that
   * every group has committed past are deleted; if that is not enough, publishes are refused. Default 67,108,864.
   */
  readonly maxBytes?: number;
}

/** How a topic of the log is made. */
export interface LogTopicOptions {
  readonly name: string;
  /** Default 12. */
  readonly partitions?: number;
  readonly retention?: LogRetention;
  /** Largest body plus headers, bytes. Default 1,048,576. */
  readonly maxMessageBytes?: number;
  /** True: nothing is deleted to make room unless a group has read it, for dead letters. Default `false`. */
  readonly isKept?: boolean;
}

/** A topic of the log. */
export interface LogTopic {
  readonly name: string;
  readonly partitions: readonly LogPartition[];
  readonly retention: LogRetention | null;
  readonly maxMessageBytes: number;
  readonly isKept: boolean;
  /** Counts messages without a key: they go round. */
  keyless: number;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
/** What Kafka takes by default. */
export const DEFAULT_MESSAGE_BYTES = 1024 * 1024;

/** The server side of the embedded log: topics in partitions, groups, and faults on demand. Clients share one. */
export class LogStore {
  readonly gate = new Gate('log');
  readonly faults = new Faults(this.gate);
  readonly turns: Turns;
  readonly clock: Clock;
  readonly #maxBytes: number;
  readonly #topics = new Map<string, LogTopic>();
  readonly #twins = new Map<string, string>();
  readonly #groups = new Map<string, LogGroup>();
  #bytes = 0;

  constructor(options: LogStoreOptions) {
    this.clock = options.clock;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.turns = new Turns(options.clock);
  }

  /** Bytes of everything stored, overhead included. */
  get bytes(): number {
    return this.#bytes;
  }

  topic(name: string): LogTopic | undefined {
    return this.#topics.get(name);
  }

  topicNames(): readonly string[] {
    return [...this.#topics.keys()];
  }

  /** Throws BC_PLACE_MISSING. */
  requireTopic(name: string): LogTopic {
    const topic = this.#topics.get(name);
    if (topic !== undefined) return topic;
    throw new BuscouplerError('BC_PLACE_MISSING', `The log has no topic "${name}".`);
  }

  /** Creates a topic unless it exists; true if it did not. Throws BC_NAME_INVALID. */
  createTopic(options: LogTopicOptions): boolean {
    const { name, partitions = 12, retention = null, isKept = false } = options;
    const { maxMessageBytes = DEFAULT_MESSAGE_BYTES } = options;
    if (this.#topics.has(name)) return false;
    this.#checkTopicName(name);
    this.#twins.set(twinKeyOf(name), name);
    this.#topics.set(name, {
      name,
      partitions: Array.from(
        { length: partitions },
        (_, index) => new LogPartition(name, index, retention ?? {}),
      ),
      retention,
      maxMessageBytes,
      isKept,
      keyless: 0,
    });
    return true;
  }

  /** Deletes a topic with its records and what groups committed; its consumers wait for it to come back. */
  deleteTopic(name: string): void {
    const topic = this.requireTopic(name);
    this.#topics.delete(name);
    this.#twins.delete(twinKeyOf(name));
    for (const partition of topic.partitions) this.#bytes -= partition.bytes;
    for (const group of this.#groups.values()) {
      for (const member of group.membersOf(name)) member.topicDeleted();
      group.forget(name);
    }
  }

  /** A group; made when it is first asked for. */
  group(name: string): LogGroup {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new LogGroup(name, (topic) => this.#topics.get(topic)?.partitions ?? []);
      this.#groups.set(name, group);
    }
    return group;
  }

  /** Stores one message of so many bytes in the partition of its key. */
  append(name: string, message: OutgoingMessage, bytes: number): PublishOutcome {
    const topic = this.#topics.get(name);
    if (topic === undefined) return failedOutcome('BC_PLACE_MISSING', `The log has no topic "${name}".`);
    if (bytes > topic.maxMessageBytes) {
      return failedOutcome('BC_MESSAGE_TOO_LARGE', `A message of ${bytes} bytes is too large for "${name}".`);
    }
    if (this.#bytes + bytes + MESSAGE_OVERHEAD_BYTES > this.#maxBytes && !this.#makeRoom(bytes)) {
      return failedOutcome(
        'BC_PUBLISH_REFUSED',
        'The memory of the embedded log is full of unread messages.',
      );
    }
    const count = topic.partitions.length;
    const index = message.key === null ? topic.keyless++ % count : partitionOfKey(message.key, count);
    this.#appendTo(topic, topic.partitions[index] as LogPartition, message, bytes);
    return STORED;
  }

  /** Stores a message of a foreign producer. Throws why it cannot. */
  write(name: string, message: ForeignMessage): void {
    const wire = fromForeign(message, this.clock.epochMs());
    const outcome = this.append(name, wire, messageSize(wire));
    if (outcome.status !== 'stored') throw outcome.error;
  }

  /** Every record kept of a topic, partition by partition. */
  read(name: string): readonly IncomingMessage[] {
    const topic = this.requireTopic(name);
    if (topic.retention !== null) this.#retain(topic.partitions);
    return topic.partitions.flatMap((partition) => partition.messages());
  }

  /** The next offset that a group reads, per partition; `null` where nothing was committed. */
  committed(group: string, topic: string): readonly (number | null)[] {
    const offsets = this.#groups.get(group)?.committed(topic);
    return this.requireTopic(topic).partitions.map(({ index }) => {
      const offset = offsets?.[index] ?? NOT_COMMITTED;
      return offset === NOT_COMMITTED ? null : offset;
    });
  }

  /** Records that a group has not committed past; a group that is unknown has everything before it. */
  lag(group: string, topic: string): number {
    const offsets = this.committed(group, topic);
    return this.requireTopic(topic).partitions.reduce((sum, { index, startOffset, endOffset }) => {
      return sum + endOffset - Math.max(offsets[index] ?? 0, startOffset);
    }, 0);
  }

  /** Members of a group that are subscribed to a topic. */
  readers(group: string, topic: string): number {
    return this.#groups.get(group)?.membersOf(topic).length ?? 0;
  }

  #appendTo(topic: LogTopic, partition: LogPartition, message: OutgoingMessage, bytes: number): void {
    partition.append(message, bytes);
    this.#bytes += bytes + MESSAGE_OVERHEAD_BYTES;
    if (topic.retention !== null) this.#retain([partition]);
  }

  #retain(partitions: readonly LogPartition[]): void {
    for (const partition of partitions) {
      const before = partition.bytes;
      partition.applyRetention(this.clock.epochMs());
      this.#bytes -= before - partition.bytes;
    }
  }

  /** Deletes what every group has done until a quarter of the memory is free, so that not every append has to look. */
  #makeRoom(bytes: number): boolean {
    const goal = this.#maxBytes * 0.75;
    for (const topic of this.#topics.values()) {
      for (const partition of topic.partitions) {
        const before = partition.bytes;
        const needed = this.#bytes - goal;
        const done = this.#doneBefore(topic, partition);
        while (before - partition.bytes < needed && partition.deleteBefore(done));
        this.#bytes -= before - partition.bytes;
      }
    }
    return this.#bytes + bytes + MESSAGE_OVERHEAD_BYTES <= this.#maxBytes;
  }

  /** The offset that every group with an interest in the topic has committed; without any, nobody waits for it. */
  #doneBefore(topic: LogTopic, partition: LogPartition): number {
    let done = Infinity;
    for (const group of this.#groups.values()) {
      const offsets = group.committed(topic.name);
      if (offsets !== undefined) done = Math.min(done, offsets[partition.index] ?? 0);
    }
    if (done === Infinity) return topic.isKept ? 0 : partition.endOffset;
    return done;
  }

  #checkTopicName(name: string): void {
    checkName(name, 'topic');
    const twin = this.#twins.get(twinKeyOf(name));
    if (twin === undefined) return;
    throw new BuscouplerError('BC_NAME_INVALID', `The topic "${name}" collides with "${twin}".`);
  }
}

/** A new embedded log, empty. Every `createLogBroker` that is given it is a client of it. */
export const createLogStore = (options: LogStoreOptions): LogStore => new LogStore(options);
