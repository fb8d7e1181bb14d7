import type { AnyConsumer } from '../../contract/consumer.js';
import { kafkaTopicOf } from '../../messages/names.js';
import type { EmbeddedLeg, Feed } from './leg.js';
import { LogAssignment } from './log-assignment.js';
import type { GroupMember } from './log-group.js';
import type { LogPartition } from './log-partition.js';
import type { LogStore } from './log-store.js';
import type { TurnTask } from './turns.js';

/** Most records of one partition before the next has its turn. */
const RECORDS_PER_PARTITION = 32;

/** Reads a topic as one member of a group, its partitions in turn. */
export class LogFeed implements Feed, GroupMember, TurnTask {
  readonly topic: string;
  readonly #store: LogStore;
  readonly #consumer: AnyConsumer;
  #assignments: readonly LogAssignment[] = [];
  #next = 0;
  #leg: EmbeddedLeg | null = null;
  isQueued = false;

  constructor(store: LogStore, consumer: AnyConsumer) {
    this.#store = store;
    this.#consumer = consumer;
    this.topic = kafkaTopicOf(consumer.topic);
  }

  join(leg: EmbeddedLeg): void {
    this.#store.requireTopic(this.topic);
    this.#leg = leg;
    const group = this.#store.group(this.#consumer.group);
    group.startAt(this.topic, this.#consumer.kafka.startFrom ?? 'earliest');
    group.join(this);
  }

  leave(): void {
    this.#store.group(this.#consumer.group).leave(this);
  }

  wake(): void {
    if (this.#leg?.canTake && !this.isQueued) this.#store.turns.queue(this);
  }

  waiting(): number {
    return this.#assignments.reduce((sum, one) => sum + one.waiting, 0);
  }

  revoke(): void {
    let unsettled = 0;
    for (const assignment of this.#assignments) {
      assignment.isLost = true;
      unsettled += assignment.unsettled;
      const { readers } = assignment.partition;
      readers.splice(readers.indexOf(this), 1);
    }
    this.#assignments = [];
    if (unsettled > 0) this.#leg?.lostSome(unsettled);
  }

  assign(partitions: readonly LogPartition[], committed: number[]): void {
    const leg = this.#leg as EmbeddedLeg;
    this.#assignments = partitions.map((one) => new LogAssignment(one, committed, leg));
    for (const partition of partitions) partition.readers.push(this);
    this.wake();
  }

  topicDeleted(): void {
    this.#leg?.lostPlace();
  }

  run(limit: number): number {
    const leg = this.#leg as EmbeddedLeg;
    let done = 0;
    let idle = 0;
    while (leg.canTake && done < limit && idle < this.#assignments.length) {
      this.#next = (this.#next + 1) % this.#assignments.length;
      const share = Math.min(RECORDS_PER_PARTITION, limit - done);
      const delivered = this.#deliverFrom(this.#assignments[this.#next] as LogAssignment, share);
      idle = delivered === 0 ? idle + 1 : 0;
      done += delivered;
    }
    if (idle < this.#assignments.length) this.wake();
    return done;
  }

  /** A delivery may lead to anything, a rebalance included: capacity and ownership are looked at before each. */
  #deliverFrom(assignment: LogAssignment, most: number): number {
    const leg = this.#leg as EmbeddedLeg;
    let delivered = 0;
    while (delivered < most && leg.canTake && !assignment.isLost && assignment.deliverNext()) delivered += 1;
    return delivered;
  }
}
