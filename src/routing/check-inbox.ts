import type { AnyConsumer } from '../contract/consumer.js';
import { wantsTransaction } from '../contract/define-consumer.js';
import { formatDurationMs } from '../contract/duration.js';
import { BuscouplerError } from '../contract/errors.js';
import type { Inbox } from '../contract/inbox.js';

/** How old what reaches a handler may be, as configured. */
export interface AgeLimits {
  /** Of a message that is delivered for the first time, ms. */
  readonly maxMessageAgeMs: number;
  /** Of a dead letter that is replayed, ms. */
  readonly maxReplayAgeMs: number;
}

/** Longest time from the first failure of a message to its last attempt, ms: the last copy waits once more. */
export const retrySpanMs = ({ retry }: AnyConsumer): number =>
  retry.deferredMs.length === 0 ? 0 : retry.maxAgeMs + (retry.deferredMs.at(-1) ?? 0);

/**
 * Refuses a consumer that asks more of the inbox than it gives: transactions, or a memory as long as copies of a message may
 * arrive. A store of this process alone forgets at its end, so no length of its memory is asked for.
 */
export function checkInbox(consumer: AnyConsumer, inbox: Inbox | null, limits: AgeLimits): void {
  if (wantsTransaction(consumer) && inbox?.transactions === undefined) {
    const what = `Consumer "${consumer.name}": inbox.transaction is true, but the option inbox of createBus ${inbox === null ? 'is not given' : 'is a store without transactions'}.`;
    throw new BuscouplerError('BC_DEFINITION_INVALID', what);
  }
  if (inbox === null || !inbox.isShared || consumer.inbox === false) return;
  const spanMs = retrySpanMs(consumer);
  const neededMs = limits.maxMessageAgeMs + spanMs + limits.maxReplayAgeMs;
  if (inbox.ttlMs > neededMs) return;
  const parts = `maxMessageAge (${formatDurationMs(limits.maxMessageAgeMs)}) + the retry span of "${consumer.name}" (${formatDurationMs(spanMs)}: retry.maxAge and the longest of retry.deferred) + deadLetters.maxReplayAge (${formatDurationMs(limits.maxReplayAgeMs)})`;
  const what = `The inbox remembers for ${formatDurationMs(inbox.ttlMs)} (its option ttl), which must be more than ${parts} = ${formatDurationMs(neededMs)}: a copy that comes later would have its effect again.`;
  throw new BuscouplerError('BC_CONFIG_INVALID', what);
}
