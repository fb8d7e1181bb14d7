import type { Clock, Random } from '../../contract/clock.js';
import type { BuscouplerError } from '../../contract/errors.js';
import type { ProducerClient } from './driver.js';
import type { PartitionQueue, ReleaseRecord } from './partition-queue.js';

/** What the parts of the sending side share. */
export interface SendContext {
  readonly client: ProducerClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Records that may be sent now, over what is under way already. */
  readonly roomInFlight: () => number;
  /** So many records more are under way; fewer, if below 0. */
  readonly countInFlight: (records: number) => void;
  /** Most bytes of one batch for the topic. */
  readonly maxBatchBytes: (topic: string) => number;
  readonly release: ReleaseRecord;
  /** The queue has records and may be sent (again). */
  readonly offer: (queue: PartitionQueue) => void;
  /** Metadata of the topic may be old. */
  readonly doubt: (topic: string) => void;
  /** The broker answered. */
  readonly onAnswer: () => void;
  /** A request or a connection failed. */
  readonly onFailure: (error: BuscouplerError) => void;
}

/** Backoff of everything that is sent again. */
export const SEND_BACKOFF = { initialMs: 50, factor: 2, maxMs: 1_000, jitter: 0.2 } as const;
