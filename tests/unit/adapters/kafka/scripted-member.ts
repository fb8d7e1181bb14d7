import type {
  AdminClient,
  Assignment,
  FetchedBatch,
  FetchedRecord,
  KafkaDriver,
  MemberClient,
  MemberSpec,
  TopicOffsets,
} from '../../../../src/adapters/kafka/driver.js';

/** A member whose group is played by the test. */
export class ScriptedMember implements MemberClient {
  readonly spec: MemberSpec;
  readonly commits: TopicOffsets[][] = [];
  readonly paused = new Map<string, readonly number[] | 'all'>();
  readonly seeks: { topic: string; partition: number; offset: bigint }[] = [];
  commitError: Error | null = null;
  hasLeft = false;
  isAbandoned = false;
  neverLeaves = false;
  startError: Error | null = null;

  constructor(spec: MemberSpec, startError: Error | null) {
    this.spec = spec;
    this.startError = startError;
  }

  async start(): Promise<void> {
    if (this.startError !== null) throw this.startError;
  }

  pause(topic: string, partitions?: readonly number[]): void {
    this.paused.set(topic, partitions ?? 'all');
  }

  resume(topic: string): void {
    this.paused.delete(topic);
  }

  seek(topic: string, partition: number, offset: bigint): void {
    this.seeks.push({ topic, partition, offset });
  }

  async commit(offsets: readonly TopicOffsets[]): Promise<void> {
    if (this.commitError !== null) throw this.commitError;
    this.commits.push([...offsets]);
  }

  async leave(): Promise<void> {
    this.hasLeft = true;
    if (this.neverLeaves) await new Promise(() => {});
  }

  abandon(): void {
    this.isAbandoned = true;
  }

  join(assignment: Assignment, memberId = 'member-1'): void {
    this.spec.events.onJoin({ memberId, assignment });
  }

  /** The last commit of a partition; `null`: none. */
  committed(topic: string, partition: number): bigint | null {
    const all = this.commits.flat().filter((one) => one.topic === topic);
    const offsets = all.flatMap((one) => one.offsets).filter((one) => one.partition === partition);
    return offsets.at(-1)?.offset ?? null;
  }
}

/** Records with these offsets; the body says which. */
export const recordsAt = (offsets: readonly number[]): FetchedRecord[] =>
  offsets.map((offset) => ({
    offset: String(offset),
    timestamp: '1700000000000',
    key: null,
    value: Buffer.from(String(offset)),
    headers: {},
  }));

/** A batch of these offsets; the log ends behind the last, or where said. */
export function batchAt(
  place: { readonly topic: string; readonly partition?: number; readonly endOffset?: number },
  offsets: readonly number[],
): FetchedBatch {
  return {
    topic: place.topic,
    partition: place.partition ?? 0,
    endOffset: String(place.endOffset ?? (offsets.at(-1) ?? -1) + 1),
    records: recordsAt(offsets),
  };
}

/** A driver that makes scripted members, and remembers them. */
export class ScriptedDriver implements KafkaDriver {
  readonly members: ScriptedMember[] = [];
  startError: Error | null = null;

  producer(): never {
    throw new Error('not a producer');
  }

  admin(): never {
    throw new Error('not an administrator');
  }

  inspector(): never {
    throw new Error('not an inspector');
  }

  member(spec: MemberSpec): MemberClient {
    const member = new ScriptedMember(spec, this.startError);
    this.members.push(member);
    return member;
  }

  get last(): ScriptedMember {
    return this.members.at(-1) as ScriptedMember;
  }
}

/** An administrator of one empty cluster, changed by what a test gives. */
export function scriptedAdmin(changes: Partial<AdminClient> = {}): AdminClient {
  return {
    brokerCount: async () => 1,
    describe: async () => [{ partition: 0, leader: 1, replicas: 1 }],
    listTopics: async () => [],
    createTopic: async () => true,
    topicConfig: async () => new Map(),
    edgeOffsets: async () => [{ partition: 0, offset: 0n }],
    groupOffsets: async () => [{ partition: 0, offset: -1n }],
    isGroupEmpty: async () => true,
    memberCount: async () => 0,
    readOne: async () => null,
    readRaw: async () => null,
    commitGroupOffsets: async () => {},
    close: () => {},
    ...changes,
  };
}
