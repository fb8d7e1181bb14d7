import type { Batch, Consumer, EachBatchPayload, Kafka, Offsets } from 'kafkajs';
import { createAssigner } from './assigner.js';
import { type ClientContext, createKafkajs, type Seed } from './client-options.js';
import type {
  Assignment,
  FetchedBatch,
  FetchedRecord,
  MemberClient,
  MemberSpec,
  TopicOffsets,
} from './driver.js';
import type { GuardedSocket } from './frame-guard.js';
import { rebalanceTimeoutOf } from './rebalance-timeout.js';

/** Longest wait of one fetch for data, ms; also how long a consumer whose partitions are all paused sleeps. */
const FETCH_WAIT_MS = 300;
const FETCH_MAX_BYTES = 10 * 1024 * 1024;
const PARTITION_MAX_BYTES = 1024 * 1024;
/** Short, because a member learns of a rebalance by its heartbeat. */
const HEARTBEAT_MS = 1_000;
/** Batches are only handed over, so all of a fetch can be taken at once. */
const CONCURRENT_PARTITIONS = 64;
/** Tries to reach a broker, within each of the following. */
const CLIENT_RETRIES = 2;
/** Tries to go on as the same member, about 8 s: a new one would have to wait until the session of the old one ends. */
const MEMBER_RETRY = { retries: 10, initialRetryTime: 100, maxRetryTime: 1_000 } as const;

const toFetchedBatch = ({ topic, partition, highWatermark, messages }: Batch): FetchedBatch => ({
  topic,
  partition,
  endOffset: highWatermark,
  // The client's type leaves out that headers can be absent in old formats; ours does not.
  records: messages as unknown as readonly FetchedRecord[],
});

const toOffsets = (topics: readonly TopicOffsets[]): Offsets => ({
  topics: topics.map(({ topic, offsets }) => ({
    topic,
    partitions: offsets.map(({ partition, offset }) => ({ partition, offset: offset.toString() })),
  })),
});

function createConsumer(kafka: Kafka, group: string, { sessionTimeoutMs, held }: ConsumerShape): Consumer {
  return kafka.consumer({
    groupId: group,
    partitionAssigners: [createAssigner(held)],
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: rebalanceTimeoutOf(sessionTimeoutMs),
    heartbeatInterval: Math.min(HEARTBEAT_MS, Math.floor(sessionTimeoutMs / 3)),
    maxWaitTimeInMs: FETCH_WAIT_MS,
    maxBytes: FETCH_MAX_BYTES,
    maxBytesPerPartition: PARTITION_MAX_BYTES,
    allowAutoTopicCreation: false,
    // It cannot force a restart, and restarts on a client whose tables may be wrong: we build a new one instead.
    retry: { ...MEMBER_RETRY, restartOnFailure: async () => false },
  });
}

interface ConsumerShape {
  readonly sessionTimeoutMs: number;
  readonly held: () => Assignment;
}

class KafkajsMember implements MemberClient {
  readonly #spec: MemberSpec;
  readonly #consumer: Consumer;
  #held: Assignment = {};
  readonly #sockets = new Set<GuardedSocket>();
  #isAbandoned = false;
  #isLeaving = false;
  /** Settles when it has joined, or will not. */
  #started: Promise<void> = Promise.resolve();
  #commit: EachBatchPayload['commitOffsetsIfNecessary'] | null = null;

  constructor(context: ClientContext, spec: MemberSpec, seeds: readonly Seed[]) {
    this.#spec = spec;
    this.#held = spec.held;
    const onSocket = (socket: GuardedSocket): void => this.#keep(socket);
    const kafka = createKafkajs(context, { seeds, retries: CLIENT_RETRIES, onSocket });
    const { sessionTimeoutMs } = context.settings;
    this.#consumer = createConsumer(kafka, spec.group, { sessionTimeoutMs, held: () => this.#held });
    this.#listen();
  }

  #keep(socket: GuardedSocket): void {
    if (this.#isAbandoned) socket.destroy();
    else {
      this.#sockets.add(socket);
      socket.once('end', () => this.#sockets.delete(socket));
    }
  }

  #listen(): void {
    const { on, events } = this.#consumer;
    const { onJoin, onRebalance, onSign, onCrash } = this.#spec.events;
    on(events.GROUP_JOIN, ({ payload: { memberId, memberAssignment } }) => {
      this.#held = memberAssignment;
      onJoin({ memberId, assignment: memberAssignment });
    });
    on(events.REBALANCING, onRebalance);
    on(events.FETCH, onSign);
    on(events.HEARTBEAT, onSign);
    on(events.CRASH, ({ payload: { error } }) => onCrash(error));
  }

  start(): Promise<void> {
    this.#started = this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    await this.#consumer.connect();
    if (this.#isLeaving) return;
    // Positions that the group has not committed do not exist here: they are written before it starts.
    await this.#consumer.subscribe({ topics: [...this.#spec.topics], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
      eachBatch: (payload) => this.#take(payload),
    });
  }

  async #take({ batch, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload): Promise<void> {
    this.#commit = commitOffsetsIfNecessary;
    const handedOver = this.#spec.events.onBatch(toFetchedBatch(batch));
    try {
      const last = batch.messages.at(-1);
      // Resolving moves the fetch position only; what is committed is decided by us.
      if (last !== undefined) resolveOffset(last.offset);
    } catch {
      // The partition was lost in between: there is no position to move, and throwing would end the consumer.
    }
    await handedOver;
  }

  pause(topic: string, partitions?: readonly number[]): void {
    this.#consumer.pause([partitions === undefined ? { topic } : { topic, partitions: [...partitions] }]);
  }

  resume(topic: string, partitions?: readonly number[]): void {
    this.#consumer.resume([partitions === undefined ? { topic } : { topic, partitions: [...partitions] }]);
  }

  seek(topic: string, partition: number, offset: bigint): void {
    this.#consumer.seek({ topic, partition, offset: offset.toString() });
  }

  async commit(offsets: readonly TopicOffsets[]): Promise<void> {
    const { topics } = toOffsets(offsets);
    // The batch's own commit asks the coordinator of the current generation; the consumer's may ask an old one.
    if (this.#commit !== null) await this.#commit({ topics });
    else {
      const flat = topics.flatMap(({ topic, partitions }) => partitions.map((one) => ({ topic, ...one })));
      await this.#consumer.commitOffsets(flat);
    }
  }

  /** kafkajs does not stop what is joining still: it would join after that, and be a member until its session ends. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    await this.#started.catch(() => undefined);
    await this.#consumer.disconnect();
  }

  abandon(): void {
    this.#isAbandoned = true;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }
}

/** A member over kafkajs' consumer. */
export const createKafkajsMember = (
  context: ClientContext,
  spec: MemberSpec,
  seeds: readonly Seed[],
): MemberClient => new KafkajsMember(context, spec, seeds);
