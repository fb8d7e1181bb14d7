import type { Delivery } from '../contract/broker.js';
import type { InboxCopy } from '../contract/inbox.js';
import type { Asker } from './bulk-asks.js';
import type { PipelineOptions } from './pipeline-options.js';
import { retryCopyOf } from './retry-copy.js';
import type { RetryStep } from './retry-plan.js';
import { storeCopy } from './store-copy.js';

/** A delivery that is still ours. */
export interface KeptDelivery extends Asker {
  readonly delivery: Delivery;
  readonly copy: InboxCopy;
}

/** The next copy of a message. */
export interface NextCopy extends RetryStep {
  /** Which copy it is; the original is 1. */
  readonly attempt: number;
  /** Ms since the epoch. */
  readonly firstFailedAtMs: number;
}

/**
 * Stores the copy of a failed message where its consumer is fed now, trying again for as long as the original is ours;
 * true if it is stored. The consumer may have moved between two tries.
 */
export async function storeRetry(
  options: PipelineOptions,
  work: KeptDelivery,
  next: NextCopy,
): Promise<boolean> {
  const { consumer, clock, emit, retryPlace } = options;
  const facts = { consumer: consumer.name, id: work.copy.id };
  let place = retryPlace(next.delayMs);
  const isStored = await storeCopy({
    ...options,
    asker: work,
    copy: () => {
      place = retryPlace(next.delayMs);
      const message = retryCopyOf(work.delivery.message, { ...facts, ...next, nowMs: clock.epochMs() });
      return { message, publisher: place.publisher };
    },
    onFailure: (error) => emit('retry-store-failed', { ...facts, broker: place.broker, error }),
  });
  const { attempt, delayMs } = next;
  if (isStored) emit('retry-stored', { ...facts, broker: place.broker, attempt, delayMs });
  return isStored;
}
