import type { Delivery } from '../contract/broker.js';
import type { Clock, Timer } from '../contract/clock.js';
import type { Inbox, InboxCopy } from '../contract/inbox.js';
import type { BrokerName } from '../contract/message.js';
import { identityOf } from '../delivery/decode.js';
import { copyOf } from '../delivery/inbox-copy.js';
import type { Pipeline } from '../delivery/pipeline.js';
import { HOLD_MAX_MS } from './hold-limit.js';

/** How long a copy may stay unsettled until the leg that follows has it run, ms. */
export const ADOPT_AFTER_MS = 30_000;

/** Pause between two look-ups while something is unsettled, ms. */
const LOOK_MS = 250;

/** Pause while all that is asked about is settled, ms: the leg catches up with a queue that grew. */
const CATCH_UP_MS = 10;

/** Most copies that are looked up at a time. */
const BATCH = 1_000;

/** What a follower is made of. */
export interface FollowerOptions {
  readonly consumer: string;
  readonly broker: BrokerName;
  readonly inbox: Inbox;
  readonly pipeline: Pick<Pipeline, 'accept'>;
  readonly clock: Clock;
  /** A copy is held for {@link HOLD_MAX_MS}; called at every look from then on. */
  readonly onHeldTooLong: (copy: InboxCopy) => void;
}

interface Followed {
  readonly delivery: Delivery;
  readonly copy: InboxCopy;
  readonly takenMs: number;
  /** Since when the inbox says that it is unsettled. */
  unsettledSinceMs: number;
}

/**
 * Where a draining leg hands over. Copies that exist on its broker alone (deferred retries, replays, messages that nothing
 * identifies) are run at once. The others are let go of once the inbox says that the live leg settled them, and run through
 * the inbox when that does not happen in time; with an inbox that other instances do not share they are held instead,
 * because what another instance settled is unsettled to this one.
 */
export class Follower {
  readonly #options: FollowerOptions;
  /** In order of arrival. */
  #held: Followed[] = [];
  #timer: Timer | null = null;
  #looking: Promise<void> | null = null;
  #pauseMs = LOOK_MS;
  #adopts = true;
  #isClosed = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  readonly take = (delivery: Delivery): void => {
    if (this.#isClosed) return; // unsettled, it goes back when the leg leaves
    const { pipeline, broker, clock } = this.#options;
    const own = identityOf(delivery.message);
    const copy = copyOf(delivery.message, own ?? '');
    if (own === null || copy.attempt > 1 || copy.generation > 0) {
      pipeline.accept(delivery, broker);
      return;
    }
    const nowMs = clock.monotonicMs();
    this.#held.push({ delivery, copy, takenMs: nowMs, unsettledSinceMs: nowMs });
    this.#lookLater();
  };

  /** Adopts nothing until `resume`; what the live leg settled is let go of all the same. */
  pause(): void {
    this.#adopts = false;
  }

  /** The live leg gets its time anew. */
  resume(): void {
    if (!this.#adopts) this.#startClocks(this.#held);
    this.#adopts = true;
  }

  /** Lets go of what is settled by now. Never rejects. */
  async settleKnown(): Promise<void> {
    await this.#looking; // what it asked may be older than the last settlement
    if (this.#held.length > 0) await this.#look();
  }

  /** Nothing is taken or let go of from now on; returns how many were held. */
  close(): number {
    const held = this.#held.filter(isThere).length;
    this.#isClosed = true;
    this.#held = [];
    this.#timer?.cancel();
    return held;
  }

  #lookLater(): void {
    if (this.#isClosed || this.#looking !== null || this.#held.length === 0) return;
    this.#timer ??= this.#options.clock.schedule(() => void this.#look(), this.#pauseMs);
  }

  #look(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#looking = this.#lookOnce().finally(() => {
      this.#looking = null;
      this.#lookLater();
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    this.#held = this.#held.filter(isThere);
    const asked = this.#held.slice();
    let kept = asked;
    try {
      const settled = await this.#areSettled(asked.map(({ copy }) => copy));
      kept = this.#letGo(asked, settled);
    } catch {
      this.#startClocks(asked); // as long as the inbox does not answer, nobody could settle anything
    }
    if (this.#isClosed) return;
    this.#pauseMs = kept.length === 0 ? CATCH_UP_MS : LOOK_MS;
    this.#held = [...kept, ...this.#held.slice(asked.length)];
    this.#checkHolding();
  }

  async #areSettled(copies: readonly InboxCopy[]): Promise<boolean[]> {
    const { inbox, consumer } = this.#options;
    const settled: boolean[] = [];
    for (let from = 0; from < copies.length; from += BATCH)
      settled.push(...(await inbox.areSettled(consumer, copies.slice(from, from + BATCH))));
    return settled;
  }

  /** Returns what is held further. */
  #letGo(asked: readonly Followed[], settled: readonly boolean[]): Followed[] {
    const { pipeline, broker } = this.#options;
    const kept: Followed[] = [];
    if (this.#isClosed) return kept;
    for (const [index, one] of asked.entries()) {
      if (settled[index] === true) one.delivery.settle();
      else if (!isThere(one)) continue;
      else if (this.#isToBeRun(one)) pipeline.accept(one.delivery, broker);
      else kept.push(one);
    }
    return kept;
  }

  #isToBeRun({ unsettledSinceMs }: Followed): boolean {
    const { inbox, clock } = this.#options;
    return this.#adopts && inbox.isShared && clock.monotonicMs() - unsettledSinceMs >= ADOPT_AFTER_MS;
  }

  #startClocks(held: readonly Followed[]): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const one of held) one.unsettledSinceMs = nowMs;
  }

  #checkHolding(): void {
    const { clock, onHeldTooLong } = this.#options;
    const oldest = this.#held[0];
    if (oldest !== undefined && clock.monotonicMs() - oldest.takenMs >= HOLD_MAX_MS)
      onHeldTooLong(oldest.copy);
  }
}

const isThere = ({ delivery }: Followed): boolean => !delivery.source.isLost;
