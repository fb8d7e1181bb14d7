import type { Clock } from '../contract/clock.js';
import type { ClaimOutcome, Inbox, InboxClaim, InboxCopy } from '../contract/inbox.js';
import { type InboxRecord, InboxRecords, isSettledFor } from './inbox-records.js';
import { memoryLedger } from './memory-ledger.js';

/** Options of {@link memoryInbox}. */
export interface MemoryInboxOptions {
  /**
   * How long a settled id is remembered, ms. Default 86,400,000. A consumer that moves meets copies as old as what waits on
   * its other broker; those that are older than this run again.
   */
  readonly ttlMs?: number;
  /** Most settled ids that are remembered, over all consumers; the oldest go first. Default 1,000,000, about 300 MB. */
  readonly maxEntries?: number;
  readonly clock?: Pick<Clock, 'monotonicMs'>;
}

/**
 * An inbox in this process' memory. It recognises what this process handled since it started, on either broker;
 * a restart forgets everything, and other instances see nothing of it. Claims have no lease: their owner dies with it.
 */
export function memoryInbox(options: MemoryInboxOptions = {}): Inbox {
  const { ttlMs = 86_400_000, maxEntries = 1_000_000, clock = performanceClock } = options;
  const records = new InboxRecords();

  const find = (consumer: string, copy: InboxCopy): InboxRecord | undefined => {
    const record = records.get(consumer, copy);
    if (record === undefined || !isSettledFor(record, copy)) return record;
    records.forget(maxEntries, clock.monotonicMs() - ttlMs);
    return records.get(consumer, copy);
  };

  const claim = (consumer: string, copy: InboxCopy, token: string): ClaimOutcome => {
    const record = find(consumer, copy);
    if (record === undefined) {
      records.add(consumer, copy, token);
      return 'claimed';
    }
    if (isSettledFor(record, copy)) return 'settled';
    if (record.token !== null) return 'busy';
    record.token = token;
    record.attempt = copy.attempt;
    if (record.state === 'burying') return 'burying';
    record.state = 'claimed';
    return 'claimed';
  };

  /** A write on each record that still belongs to its claim. */
  const write =
    (apply: (record: InboxRecord, copy: InboxCopy) => void) =>
    (consumer: string, claims: readonly InboxClaim[]): boolean[] =>
      claims.map(({ copy, token }) => {
        const record = records.get(consumer, copy);
        if (record === undefined || record.token !== token) return false;
        apply(record, copy);
        return true;
      });

  const settle = (state: 'done' | 'dead') =>
    write((record) => {
      const nowMs = clock.monotonicMs();
      records.settle(record, state, nowMs);
      records.forget(maxEntries, nowMs - ttlMs);
    });

  return {
    isShared: false,
    ttlMs,
    start: () => undefined,
    close: () => undefined,
    claim: (consumer, copies, token) => copies.map((copy) => claim(consumer, copy, token)),
    markDone: settle('done'),
    markDead: settle('dead'),
    markBurying: write((record) => {
      record.state = 'burying';
    }),
    release: write((record, copy) => {
      record.token = null;
      record.attempt = Math.max(record.attempt, copy.attempt);
      if (record.state === 'claimed') record.state = 'open';
    }),
    areSettled: (consumer, copies) =>
      copies.map((copy) => {
        const record = find(consumer, copy);
        return record !== undefined && isSettledFor(record, copy);
      }),
    statesOf: (consumer, copies) => copies.map((copy) => find(consumer, copy)?.state ?? null),
    letters: memoryLedger(clock),
  };
}

const performanceClock: Pick<Clock, 'monotonicMs'> = { monotonicMs: () => performance.now() };
