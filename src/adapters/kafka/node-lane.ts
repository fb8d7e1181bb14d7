import { STORED } from '../../contract/broker.js';
import { backoffDelayMs } from '../../delivery/backoff.js';
import type { PartitionAnswer, PartitionBatch } from './driver.js';
import { isRefusal, protocolErrorOf, toKafkaError } from './errors.js';
import type { PendingRecord } from './messages.js';
import type { PartitionQueue } from './partition-queue.js';
import { protocolErrorNamed } from './protocol-errors.js';
import { SEND_BACKOFF, type SendContext } from './send-context.js';

/** Most records of one request. */
const REQUEST_MAX_RECORDS = 1_000;
/** Most bytes of one request; a single larger record goes alone. */
const REQUEST_MAX_BYTES = 1_000_000;
/** Requests under way to one node, over different partitions: the second is encoded while the first is stored. */
const MAX_REQUESTS = 2;
const STORED_CODE = 0;

/** Stands for the word on a partition that the answer left out. */
const NO_ANSWER = { errorCode: Number.NaN };

/** Refusals that are caused by one record of a batch, so that the others can be saved. */
const OF_ONE_RECORD: ReadonlySet<string> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
]);

/** A batch under way, with the queue that still holds its records. */
interface QueuedBatch extends PartitionBatch {
  readonly queue: PartitionQueue;
  readonly records: readonly PendingRecord[];
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;

/**
 * Sends to one node what is queued for the partitions that it leads: as soon as it is idle, everything that waits in
 * one request, without lingering. A slow node delays only its own partitions.
 */
export class NodeLane {
  readonly node: number;
  readonly #context: SendContext;
  #ready: PartitionQueue[] = [];
  #requests = 0;
  #isTurnDue = false;
  #isHeld = false;
  #failures = 0;

  constructor(node: number, context: SendContext) {
    this.node = node;
    this.#context = context;
  }

  /** The queue has records for this node. */
  add(queue: PartitionQueue): void {
    if (queue.listedOn !== this) {
      queue.listedOn = this;
      this.#ready.push(queue);
    }
    this.wake();
  }

  /** There may be room in flight again. */
  wake(): void {
    if (this.#isTurnDue || this.#isHeld || this.#requests >= MAX_REQUESTS || this.#ready.length === 0) return;
    if (this.#context.roomInFlight() <= 0) return;
    this.#isTurnDue = true;
    // Whatever is published in this turn of the event loop goes into the same request.
    setImmediate(() => {
      this.#isTurnDue = false;
      void this.#turn();
    });
  }

  async #turn(): Promise<void> {
    this.#requests += 1;
    let batches: readonly QueuedBatch[] = [];
    let records = 0;
    try {
      await this.#context.client.open(this.node);
      batches = this.#collect();
      for (const batch of batches) records += batch.records.length;
      this.#context.countInFlight(records);
      if (batches.length > 0) this.#settle(batches, await this.#context.client.produce(this.node, batches));
    } catch (error) {
      this.#fail(batches, error);
    }
    this.#requests -= 1;
    this.#context.countInFlight(-records);
    this.wake();
  }

  #collect(): QueuedBatch[] {
    const batches: QueuedBatch[] = [];
    const { maxBatchBytes, roomInFlight } = this.#context;
    let records = Math.min(REQUEST_MAX_RECORDS, roomInFlight());
    let bytes = REQUEST_MAX_BYTES;
    const ready = this.#ready;
    this.#ready = [];
    for (const queue of ready) {
      if (queue.listedOn !== this) continue;
      if (records <= 0 || bytes <= 0) {
        this.#ready.push(queue);
        continue;
      }
      queue.listedOn = null;
      const room = { records, bytes: Math.min(bytes, maxBatchBytes(queue.topic)) };
      const taken = queue.leader === this.node ? queue.take(room, batches.length === 0) : [];
      if (taken.length === 0) {
        this.#context.offer(queue);
        continue;
      }
      bytes -= this.#markSent(taken);
      records -= taken.length;
      queue.isBusy = true;
      batches.push({ queue, topic: queue.topic, partition: queue.partition, records: taken });
    }
    return batches;
  }

  #markSent(records: readonly PendingRecord[]): number {
    let bytes = 0;
    for (const record of records) {
      record.ticket.wasSent = true;
      bytes += record.bytes;
    }
    return bytes;
  }

  /** Only what the answer names without an error is stored; a partition that it leaves out is not. */
  #settle(batches: readonly QueuedBatch[], answers: readonly PartitionAnswer[]): void {
    const byPartition = new Map(answers.map((one) => [keyOf(one.topic, one.partition), one]));
    this.#failures = 0;
    this.#context.onAnswer();
    for (const batch of batches) {
      const { errorCode } = byPartition.get(keyOf(batch.topic, batch.partition)) ?? NO_ANSWER;
      batch.queue.isBusy = false;
      if (errorCode === STORED_CODE) this.#confirm(batch);
      else this.#refuse(batch, errorCode);
    }
  }

  #confirm({ queue, records }: QueuedBatch): void {
    for (const record of records) record.ticket.settle(STORED);
    queue.finishBatch();
    this.#context.offer(queue);
  }

  #refuse(batch: QueuedBatch, errorCode: number): void {
    const { queue, records } = batch;
    const cause = protocolErrorNamed(errorCode);
    const error = toKafkaError(cause, `Kafka did not store a message in "${batch.topic}"`);
    if (error.code === 'BC_PLACE_MISSING' || !isRefusal(error)) {
      // A leader that moved, replicas that are behind; a missing topic is believed only when the metadata say so too.
      this.#context.doubt(batch.topic);
      this.#postpone(queue);
    } else if (records.length > 1 && OF_ONE_RECORD.has(protocolErrorOf(cause) ?? '')) {
      queue.splitBatch();
      this.#context.offer(queue);
    } else {
      for (const { ticket } of records) ticket.settle({ status: 'failed', error });
      queue.finishBatch();
      this.#context.offer(queue);
    }
  }

  #postpone(queue: PartitionQueue): void {
    queue.failures += 1;
    const { clock, random } = this.#context;
    const delayMs = backoffDelayMs(SEND_BACKOFF, queue.failures, random);
    queue.heldUntilMs = clock.monotonicMs() + delayMs;
    clock.schedule(() => this.#context.offer(queue), delayMs + 1, { keepAlive: true });
  }

  /** Nothing is known of what was under way: all of it stays at the front of its queues and is sent again. */
  #fail(batches: readonly QueuedBatch[], thrown: unknown): void {
    const { clock, random } = this.#context;
    this.#context.onFailure(toKafkaError(thrown, 'A publish to Kafka failed'));
    this.#failures += 1;
    this.#isHeld = true;
    for (const { queue } of batches) queue.isBusy = false;
    const listed = this.#ready.filter((queue) => queue.listedOn === this);
    const queues = [...new Set([...batches.map(({ queue }) => queue), ...listed])];
    for (const queue of queues) queue.dropSettled();
    for (const topic of new Set(queues.map((queue) => queue.topic))) this.#context.doubt(topic);
    this.#ready = queues;
    for (const queue of queues) queue.listedOn = this;
    const delayMs = backoffDelayMs(SEND_BACKOFF, this.#failures, random);
    clock.schedule(() => this.#resume(), delayMs, { keepAlive: true });
  }

  #resume(): void {
    this.#isHeld = false;
    const queues = this.#ready;
    this.#ready = [];
    // Some of them may have moved to another node meanwhile.
    for (const queue of queues) {
      if (queue.listedOn !== this) continue;
      queue.listedOn = null;
      this.#context.offer(queue);
    }
  }
}
