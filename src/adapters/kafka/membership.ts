import type { Clock } from '../../contract/clock.js';
import { wait } from '../../delivery/backoff.js';
import type { MemberClient } from './driver.js';
import type { MemberScope } from './member-scope.js';
import { rebalanceTimeoutOf } from './rebalance-timeout.js';

/** Joins within this time that make a member suspect: its client runs in circles. */
const JOIN_WINDOW_MS = 30_000;
const JOINS_MAX = 12;
/** How long leaving may take before the connections are cut, ms. */
const LEAVE_MS = 5_000;

/** Against what a member is measured. */
export interface MembershipClock {
  readonly clock: Clock;
  readonly sessionTimeoutMs: number;
}

/** The life of one member: what it was made for, and the signs that it gave. */
export class Membership {
  readonly client: MemberClient;
  readonly scope: MemberScope;
  readonly #time: MembershipClock;
  #isJoined = false;
  #liveSinceMs: number | null = null;
  #lastSignMs: number;
  #joinsMs: number[] = [];

  constructor(client: MemberClient, scope: MemberScope, time: MembershipClock) {
    this.client = client;
    this.scope = scope;
    this.#time = time;
    this.#lastSignMs = time.clock.monotonicMs();
  }

  get isJoined(): boolean {
    return this.#isJoined;
  }

  heard(): void {
    this.#lastSignMs = this.#time.clock.monotonicMs();
  }

  joined(): void {
    this.heard();
    this.#isJoined = true;
    this.#joinsMs = this.#joinsMs.filter((ms) => this.#lastSignMs - ms < JOIN_WINDOW_MS);
    this.#joinsMs.push(this.#lastSignMs);
  }

  /** It is fed from now on; true the first time. */
  live(): boolean {
    if (this.#liveSinceMs !== null) return false;
    this.#liveSinceMs = this.#time.clock.monotonicMs();
    return true;
  }

  liveForMs(): number {
    return this.#liveSinceMs === null ? 0 : this.#time.clock.monotonicMs() - this.#liveSinceMs;
  }

  isCircling(): boolean {
    return this.#joinsMs.length > JOINS_MAX;
  }

  /** No sign for two sessions; whoever joins may have to wait for the slowest member besides. */
  isSilent(): boolean {
    const { sessionTimeoutMs } = this.#time;
    const joiningMs = this.#isJoined ? 0 : rebalanceTimeoutOf(sessionTimeoutMs);
    return this.silentMs() > 2 * sessionTimeoutMs + joiningMs;
  }

  /** How long nothing was heard of it. */
  silentMs(): number {
    return this.#time.clock.monotonicMs() - this.#lastSignMs;
  }

  /** Never rejects: the group drops a member by itself once its session has timed out. */
  async leave(): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.client.leave().catch(() => {}), wait(this.#time.clock, LEAVE_MS, over.signal)]);
    over.abort();
    this.client.abandon();
  }
}
