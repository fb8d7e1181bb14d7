import type { Clock } from '../contract/clock.js';
import type { ClaimOutcome, Inbox, InboxCopy } from '../contract/inbox.js';

type State = 'open' | 'claimed' | 'burying' | 'done' | 'dead';

interface InboxRecord {
  state: State;
  token: string | null;
  attempt: number;
}

/** Options of {@link memoryInbox}. */
export interface MemoryInboxOptions {
  /** How long a settled id is remembered, ms. Default 3,600,000. */
  readonly ttlMs?: number;
  /** Most settled ids that are remembered, over all consumers; the oldest go first. Default 1,000,000. */
  readonly maxEntries?: number;
  readonly clock?: Pick<Clock, 'monotonicMs'>;
}

/** Settled keys in order of settling; a ring would save little and a Map's first key is slow to find when it is large. */
class SettledOrder {
  #keys: string[] = [];
  #times: number[] = [];
  #first = 0;

  push(key: string, atMs: number): void {
    this.#keys.push(key);
    this.#times.push(atMs);
  }

  get size(): number {
    return this.#keys.length - this.#first;
  }

  /** The oldest key if there are more than `max` or it was settled before `beforeMs`. */
  takeExpired(max: number, beforeMs: number): string | null {
    if (this.size === 0) return null;
    if (this.size <= max && (this.#times[this.#first] as number) >= beforeMs) return null;
    const key = this.#keys[this.#first] as string;
    this.#first += 1;
    if (this.#first > 4_096 && this.#first * 2 > this.#keys.length) {
      this.#keys = this.#keys.slice(this.#first);
      this.#times = this.#times.slice(this.#first);
      this.#first = 0;
    }
    return key;
  }
}

/**
 * An inbox in this process' memory. It recognises what this process handled since it started, on either broker;
 * a restart forgets everything, and other instances see nothing of it. Claims have no lease: their owner dies with it.
 */
export function memoryInbox(options: MemoryInboxOptions = {}): Inbox {
  const { ttlMs = 3_600_000, maxEntries = 1_000_000 } = options;
  const nowMs =
    options.clock === undefined ? () => performance.now() : () => (options.clock as Clock).monotonicMs();
  const records = new Map<string, InboxRecord>();
  const settled = new SettledOrder();

  const keyOf = (consumer: string, copy: InboxCopy): string => `${consumer}\n${copy.generation}\n${copy.id}`;
  const isSettledFor = (record: InboxRecord | undefined, copy: InboxCopy): boolean =>
    record !== undefined &&
    (record.state === 'done' || record.state === 'dead' || record.attempt > copy.attempt);

  function claimOne(key: string, copy: InboxCopy, token: string): ClaimOutcome {
    const record = records.get(key);
    if (record === undefined) {
      records.set(key, { state: 'claimed', token, attempt: copy.attempt });
      return 'claimed';
    }
    if (isSettledFor(record, copy)) return 'settled';
    if (record.token !== null) return 'busy';
    record.token = token;
    record.attempt = copy.attempt;
    if (record.state === 'burying') return 'burying';
    record.state = 'claimed';
    return 'claimed';
  }

  function expire(): void {
    const beforeMs = nowMs() - ttlMs;
    for (let key = settled.takeExpired(maxEntries, beforeMs); key !== null; ) {
      records.delete(key);
      key = settled.takeExpired(maxEntries, beforeMs);
    }
  }

  /** A conditional write on each copy whose claim this token still owns. */
  function write(
    consumer: string,
    copies: readonly InboxCopy[],
    token: string,
    apply: (record: InboxRecord, key: string, copy: InboxCopy) => void,
  ): boolean[] {
    return copies.map((copy) => {
      const key = keyOf(consumer, copy);
      const record = records.get(key);
      if (record === undefined || record.token !== token) return false;
      apply(record, key, copy);
      return true;
    });
  }

  function settle(state: 'done' | 'dead') {
    return (consumer: string, copies: readonly InboxCopy[], token: string): boolean[] => {
      const outcome = write(consumer, copies, token, (record, key) => {
        record.state = state;
        record.token = null;
        settled.push(key, nowMs());
      });
      expire();
      return outcome;
    };
  }

  return {
    isShared: false,
    start: () => undefined,
    close: () => undefined,
    claim: (consumer, copies, token) => copies.map((copy) => claimOne(keyOf(consumer, copy), copy, token)),
    markDone: settle('done'),
    markDead: settle('dead'),
    markBurying: (consumer, copies, token) =>
      write(consumer, copies, token, (record) => {
        record.state = 'burying';
      }),
    release: (consumer, copies, token) =>
      write(consumer, copies, token, (record, _, copy) => {
        record.token = null;
        record.attempt = Math.max(record.attempt, copy.attempt);
        if (record.state === 'claimed') record.state = 'open';
      }),
    areSettled: (consumer, copies) =>
      copies.map((copy) => isSettledFor(records.get(keyOf(consumer, copy)), copy)),
  };
}
