import type { LogPartition } from './log-partition.js';

/** One member of a group and the topics that it is subscribed to. */
export interface GroupMember {
  readonly topics: readonly string[];
  /** Everything assigned is lost. */
  revoke(): void;
  /** These are its own now. */
  assign(shares: readonly GroupShare[]): void;
  /** One of its topics was deleted: the member leaves and waits for it to come back. */
  topicDeleted(): void;
}

/** A member's part of one topic: it reads from `committed[partition]` on and writes what it commits there. */
export interface GroupShare {
  readonly partitions: readonly LogPartition[];
  readonly committed: number[];
}

/** Offsets that were never committed. */
export const NOT_COMMITTED = -1;

/**
 * A consumer group: who is in it, who reads which partition, and how far each partition is done. Members that join or
 * leave void all assignments of the group, as with Kafka's eager rebalance.
 */
export class LogGroup {
  readonly name: string;
  readonly #members: GroupMember[] = [];
  readonly #committed = new Map<string, number[]>();
  readonly #partitionsOf: (topic: string) => readonly LogPartition[];
  /** Raised by every rebalance. */
  generation = 0;

  constructor(name: string, partitionsOf: (topic: string) => readonly LogPartition[]) {
    this.name = name;
    this.#partitionsOf = partitionsOf;
  }

  get size(): number {
    return this.#members.length;
  }

  join(member: GroupMember): void {
    this.#members.push(member);
    this.rebalance();
  }

  leave(member: GroupMember): void {
    const index = this.#members.indexOf(member);
    if (index < 0) return;
    this.#members.splice(index, 1);
    member.revoke();
    this.rebalance();
  }

  /** Gives every member its shares of its topics anew. */
  rebalance(): void {
    this.generation += 1;
    for (const member of this.#members) member.revoke();
    for (const member of [...this.#members]) {
      member.assign(member.topics.map((topic) => this.#shareOf(member, topic)));
    }
  }

  /** Among the members that are subscribed to the topic, partition p goes to the member p modulo their number. */
  #shareOf(member: GroupMember, topic: string): GroupShare {
    const peers = this.membersOf(topic);
    const place = peers.indexOf(member);
    const partitions = this.#partitionsOf(topic).filter((one) => one.index % peers.length === place);
    return { partitions, committed: this.#offsetsOf(topic) };
  }

  membersOf(topic: string): readonly GroupMember[] {
    return this.#members.filter((member) => member.topics.includes(topic));
  }

  /** Writes where to start for every partition of a topic that has nothing committed. */
  startAt(topic: string, from: 'earliest' | 'latest'): void {
    const offsets = this.#offsetsOf(topic);
    for (const partition of this.#partitionsOf(topic)) {
      if ((offsets[partition.index] ?? NOT_COMMITTED) !== NOT_COMMITTED) continue;
      offsets[partition.index] = from === 'earliest' ? partition.startOffset : partition.endOffset;
    }
  }

  /** The next offset to read per partition, `NOT_COMMITTED` for none; `undefined` if the group has nothing of the topic. */
  committed(topic: string): readonly number[] | undefined {
    return this.#committed.get(topic);
  }

  /** Overwrites what is committed; refused while the topic has members, as Kafka does. */
  reset(topic: string, offsets: readonly number[]): boolean {
    if (this.membersOf(topic).length > 0) return false;
    this.#committed.set(topic, [...offsets]);
    return true;
  }

  forget(topic: string): void {
    this.#committed.delete(topic);
  }

  #offsetsOf(topic: string): number[] {
    let offsets = this.#committed.get(topic);
    if (offsets === undefined) {
      offsets = this.#partitionsOf(topic).map(() => NOT_COMMITTED);
      this.#committed.set(topic, offsets);
    }
    return offsets;
  }
}
