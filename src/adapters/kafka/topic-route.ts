import { BuscouplerError } from '../../contract/errors.js';
import { backoffDelayMs } from '../../delivery/backoff.js';
import { partitionOfKey } from '../../messages/murmur2.js';
import type { PartitionInfo } from './driver.js';
import { isRefusal, toKafkaError } from './errors.js';
import { MISSING_AGAIN_MS, MISSING_LOOKS } from './insist.js';
import type { PendingRecord } from './messages.js';
import { PartitionQueue } from './partition-queue.js';
import { SEND_BACKOFF, type SendContext } from './send-context.js';

/** Age at which metadata are asked for again, ms: partitions may have been added. */
const METADATA_MAX_AGE_MS = 300_000;
/** Records without a key that go to one partition before the next one has its turn. */
const KEYLESS_RUN = 100;

/** Where the records of one topic go: its partitions, their leaders, and what waits until these are known. */
export class TopicRoute {
  readonly topic: string;
  readonly #context: SendContext;
  #queues: PartitionQueue[] = [];
  #waiting: PendingRecord[] = [];
  #isLoading = false;
  #isDoubted = true;
  #loadedAtMs = 0;
  #unknowns = 0;
  #failures = 0;
  #keyless = 0;

  constructor(topic: string, context: SendContext) {
    this.topic = topic;
    this.#context = context;
  }

  push(record: PendingRecord): void {
    const { length } = this.#queues;
    if (length === 0) {
      this.#waiting.push(record);
      this.#load();
      return;
    }
    const queue = this.#queues[this.#choose(record.key, length)] as PartitionQueue;
    queue.push(record);
    this.#context.offer(queue);
    if (this.#context.clock.monotonicMs() - this.#loadedAtMs > METADATA_MAX_AGE_MS) this.doubt();
  }

  #choose(key: string | null, partitions: number): number {
    if (key !== null) return partitionOfKey(key, partitions);
    this.#keyless += 1;
    const turn = Math.floor(this.#keyless / KEYLESS_RUN);
    for (let step = 0; step < partitions; step += 1) {
      const choice = (turn + step) % partitions;
      if ((this.#queues[choice] as PartitionQueue).leader >= 0) return choice;
    }
    return turn % partitions;
  }

  /** Something went wrong that old metadata explain: ask again. */
  doubt(): void {
    this.#isDoubted = true;
    this.#load();
  }

  /** Ends everything that waits here. */
  drain(settle: (record: PendingRecord) => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const record of waiting) {
      settle(record);
      this.#context.release(record);
    }
    for (const queue of this.#queues) queue.drain(settle);
  }

  #load(): void {
    if (this.#isLoading || !this.#isDoubted) return;
    this.#isLoading = true;
    void this.#ask();
  }

  async #ask(): Promise<void> {
    try {
      const partitions = await this.#context.client.describe(this.topic);
      this.#isLoading = false;
      if (partitions === null || partitions.length === 0) this.#missing();
      else this.#learn(partitions);
    } catch (thrown) {
      this.#isLoading = false;
      this.#failed(toKafkaError(thrown, `Kafka did not describe the topic "${this.topic}"`));
    }
  }

  #learn(partitions: readonly PartitionInfo[]): void {
    const { clock, release, offer, onAnswer } = this.#context;
    onAnswer();
    this.#isDoubted = false;
    this.#failures = 0;
    this.#unknowns = 0;
    this.#loadedAtMs = clock.monotonicMs();
    for (const { partition, leader } of partitions) {
      const queue = this.#queues[partition];
      if (queue === undefined) {
        this.#queues[partition] = new PartitionQueue({ topic: this.topic, partition, leader }, release);
      } else if (queue.leader !== leader) {
        queue.leader = leader;
        offer(queue);
      }
    }
    // A topic that was deleted and made anew may have fewer partitions.
    const homeless = this.#queues.splice(partitions.length).flatMap((queue) => queue.takeAll());
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const record of [...homeless, ...waiting]) this.push(record);
    if (partitions.some(({ leader }) => leader < 0)) this.#askLater(this.#backoffMs());
  }

  #missing(): void {
    this.#unknowns += 1;
    if (this.#unknowns < MISSING_LOOKS) {
      this.#askLater(MISSING_AGAIN_MS);
      return;
    }
    this.#unknowns = 0;
    this.#refuseAll(
      new BuscouplerError('BC_PLACE_MISSING', `The Kafka topic "${this.topic}" does not exist.`),
    );
  }

  #failed(error: BuscouplerError): void {
    if (isRefusal(error)) {
      this.#refuseAll(error);
      return;
    }
    this.#context.onFailure(error);
    if (this.#hasWork()) this.#askLater(this.#backoffMs());
  }

  /** The next publish asks anew: a negative answer is not kept. */
  #refuseAll(error: BuscouplerError): void {
    this.drain(({ ticket }) => {
      ticket.settle({ status: ticket.wasSent ? 'uncertain' : 'failed', error });
    });
    this.#queues = [];
  }

  /** Lets go of records whose tickets were settled by their owner. */
  dropSettled(): void {
    for (const queue of this.#queues) if (!queue.isBusy) queue.dropSettled();
    this.#waiting = this.#waiting.filter((record) => {
      if (record.ticket.isSettled) this.#context.release(record);
      return !record.ticket.isSettled;
    });
  }

  #hasWork(): boolean {
    this.dropSettled();
    return this.#waiting.length > 0 || this.#queues.some((queue) => !queue.isEmpty);
  }

  #backoffMs(): number {
    this.#failures += 1;
    return backoffDelayMs(SEND_BACKOFF, this.#failures, this.#context.random);
  }

  #askLater(delayMs: number): void {
    this.#isDoubted = true;
    this.#isLoading = true;
    const again = (): void => void this.#ask();
    this.#context.clock.schedule(again, delayMs, { keepAlive: true });
  }
}
