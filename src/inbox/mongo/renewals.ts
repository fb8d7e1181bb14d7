import type { Clock, Timer } from '../../contract/clock.js';
import { answerWithin } from './answer-within.js';
import { type HeldClaim, OWNED, type Records } from './record.js';

/** Most tokens in one bulk. */
const BULK_MAX = 500;

/** What renewing needs. */
export interface RenewalOptions {
  readonly records: Records;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Longest wait for an answer, ms. */
  readonly timeoutMs: number;
}

/**
 * Renews the claims that this process holds, in bulk, three times per lease, so that nobody takes over what still runs.
 * Most claims end before they are renewed for the first time.
 */
export class Renewals {
  readonly #options: RenewalOptions;
  readonly #held = new Map<string, Set<string>>();
  /** Tokens that were there at the last round. */
  #known = new Set<string>();
  #timer: Timer | null = null;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  hold(token: string, keys: Iterable<string>): void {
    const held = this.#held.get(token);
    if (held === undefined) this.#held.set(token, new Set(keys));
    else for (const key of keys) held.add(key);
    this.#timer ??= this.#schedule();
  }

  /** The claims end, or a transaction holds one: renewing that from outside would make it fail. */
  letGo(claims: readonly HeldClaim[]): void {
    for (const { key, token } of claims) {
      const held = this.#held.get(token);
      if (held?.delete(key) === true && held.size === 0) this.#held.delete(token);
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#held.clear();
    this.#known.clear();
  }

  #schedule(): Timer {
    const { clock, leaseMs } = this.#options;
    return clock.schedule(() => void this.#round(), leaseMs / 3);
  }

  async #round(): Promise<void> {
    const due = [...this.#held].filter(([token]) => this.#known.has(token));
    this.#known = new Set(this.#held.keys());
    try {
      for (let at = 0; at < due.length; at += BULK_MAX) await this.#renew(due.slice(at, at + BULK_MAX));
    } catch {
      // A store that is away lets nobody take over either; the next round tries again.
    }
    if (this.#timer !== null) this.#timer = this.#held.size > 0 ? this.#schedule() : null;
  }

  async #renew(due: readonly [token: string, keys: ReadonlySet<string>][]): Promise<void> {
    const updates = due
      .filter(([, keys]) => keys.size > 0)
      .map(([token, keys]) => ({
        updateMany: {
          filter: { _id: { $in: [...keys] }, token, state: { $in: OWNED } },
          update: { $inc: { renewals: 1 } },
        },
      }));
    const { records, clock, timeoutMs } = this.#options;
    if (updates.length === 0) return;
    await answerWithin(clock, timeoutMs, records.bulkWrite(updates, { ordered: false }));
  }
}
