import type { LegSpec } from '../../contract/broker.js';
import type { Timer } from '../../contract/clock.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { kafkaTopicOf } from '../../messages/names.js';
import type { EmbeddedLeg, Feed } from './leg.js';
import { LogAssignment } from './log-assignment.js';
import type { GroupMember, GroupShare } from './log-group.js';
import { dueAtOf, retryTopicsOf } from './log-retries.js';
import type { LogStore } from './log-store.js';
import type { TurnTask } from './turns.js';

/** Most records of one partition before the next has its turn. */
const RECORDS_PER_PARTITION = 32;

/**
 * Reads a consumer's topic and its retry topics as one member of a group, the partitions in turn; a draining leg reads the
 * retry topics only. A retry that is not due holds up the later ones of its partition, which are not due either, and
 * nothing else.
 */
export class LogFeed implements Feed, GroupMember, TurnTask {
  readonly #store: LogStore;
  readonly #consumer: AnyConsumer;
  readonly #isDraining: boolean;
  /** Delays of the retry topics that it is subscribed to, by topic. */
  #retries: ReadonlyMap<string, number> = new Map();
  #dueTimer: Timer | null = null;
  topics: readonly string[] = [];
  #assignments: readonly LogAssignment[] = [];
  #next = 0;
  #leg: EmbeddedLeg | null = null;
  isQueued = false;

  constructor(store: LogStore, { consumer, role = 'live' }: LegSpec) {
    this.#store = store;
    this.#consumer = consumer;
    this.#isDraining = role === 'draining';
  }

  join(leg: EmbeddedLeg): void {
    const topic = kafkaTopicOf(this.#consumer.topic);
    const group = this.#store.group(this.#consumer.group);
    this.#store.requireTopic(topic);
    this.#leg = leg;
    this.#retries = retryTopicsOf(this.#store, this.#consumer);
    this.topics = this.#isDraining ? [...this.#retries.keys()] : [topic, ...this.#retries.keys()];
    group.startAt(topic, this.#consumer.kafka.startFrom ?? 'earliest');
    for (const retry of this.#retries.keys()) group.startAt(retry, 'earliest');
    group.join(this);
  }

  leave(): void {
    this.#dueTimer?.cancel();
    this.#dueTimer = null;
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

  assign(shares: readonly GroupShare[]): void {
    const leg = this.#leg as EmbeddedLeg;
    this.#assignments = shares.flatMap(({ partitions, committed }) =>
      partitions.map((partition) => {
        const delayMs = this.#retries.get(partition.topic);
        const dueAt = delayMs === undefined ? null : dueAtOf(delayMs);
        return new LogAssignment(leg, { partition, committed }, dueAt);
      }),
    );
    for (const { partition } of this.#assignments) partition.readers.push(this);
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
    else if (this.#retries.size > 0) this.#wakeWhenDue();
    return done;
  }

  #wakeWhenDue(): void {
    const { clock } = this.#store;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const assignment of this.#assignments) {
      dueMs = Math.min(dueMs, assignment.nextDueMs() ?? Number.POSITIVE_INFINITY);
    }
    this.#dueTimer?.cancel();
    this.#dueTimer = null;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    // Timers fire early, and the two clocks drift: whoever wakes looks at the time again.
    this.#dueTimer = clock.schedule(() => this.wake(), Math.max(1, dueMs - clock.epochMs()));
  }

  /** A delivery may lead to anything, a rebalance included: capacity and ownership are looked at before each. */
  #deliverFrom(assignment: LogAssignment, most: number): number {
    const leg = this.#leg as EmbeddedLeg;
    const epochMs = this.#store.clock.epochMs();
    let delivered = 0;
    while (delivered < most && leg.canTake && !assignment.isLost && assignment.deliverNext(epochMs)) {
      delivered += 1;
    }
    return delivered;
  }
}
