import type { Delivery, Leg, LegSpec, LegState, LegStatus } from '../../contract/broker.js';
import { BuscouplerError, describeError } from '../../contract/errors.js';
import type { BrokerName } from '../../contract/message.js';

/** What feeds a leg: membership of a group, or a channel on a queue. */
export interface Feed {
  /** Starts to hand deliveries over. Throws BC_PLACE_MISSING. */
  join(leg: EmbeddedLeg): void;
  /** Everything handed over and unsettled is void from now on and goes back to the broker. Idempotent. */
  leave(): void;
  /** The leg can take again. */
  wake(): void;
  /** As {@link LegStatus.waiting}. */
  waiting(): number | null;
}

/** Names what joins, leaves, and waits for its broker. */
export interface LegParts {
  readonly broker: BrokerName;
  readonly spec: LegSpec;
  readonly feed: Feed;
  /** Called when it failed to join again; it wants to be tried later. */
  readonly failedToJoin: (leg: EmbeddedLeg) => void;
  readonly stopped: (leg: EmbeddedLeg) => void;
}

/** A consumer's attachment to an embedded broker. */
export class EmbeddedLeg implements Leg {
  readonly broker: BrokerName;
  readonly #parts: LegParts;
  #capacity: number;
  #unsettled = 0;
  #isJoined = false;
  #wasJoined = false;
  #isPaused = false;
  #end: 'draining' | 'stopped' | null = null;
  #failure: string | null = null;
  /** True if it may be handed another delivery; the feeds ask before each. */
  canTake = false;

  constructor(parts: LegParts) {
    this.#parts = parts;
    this.broker = parts.broker;
    this.#capacity = parts.spec.capacity;
  }

  /** Hands one delivery over; `canTake` must hold. */
  deliver(delivery: Delivery): void {
    this.#unsettled += 1;
    if (this.#unsettled >= this.#capacity) this.canTake = false;
    this.#parts.spec.deliver(delivery);
  }

  /** One of the deliveries was let go of. */
  settledOne(): void {
    this.#unsettled -= 1;
    if (this.canTake || this.#unsettled >= this.#capacity) return;
    this.#refresh();
  }

  /** So many deliveries became void. */
  lostSome(count: number): void {
    this.#unsettled -= count;
    this.#refresh();
  }

  /** The broker is there. Throws what the feed throws, the first time; later it is told by `status`. */
  join(): void {
    if (this.#isJoined || this.#end !== null) return;
    try {
      this.#parts.feed.join(this);
    } catch (error) {
      if (!this.#wasJoined) throw error;
      this.#failure = describeError(error);
      this.#parts.failedToJoin(this);
      return;
    }
    this.#failure = null;
    this.#isJoined = true;
    this.#wasJoined = true;
    this.#refresh();
  }

  /** The broker is away, or no longer serves this leg. */
  lose(): void {
    if (!this.#isJoined) return;
    this.#isJoined = false;
    this.#refresh();
    this.#parts.feed.leave();
  }

  /** The place that feeds it is gone; it joins again when the place is back. */
  lostPlace(): void {
    this.lose();
    this.join();
  }

  pause(): void {
    this.#isPaused = true;
    this.#refresh();
  }

  resume(): void {
    this.#isPaused = false;
    this.#refresh();
  }

  setCapacity(capacity: number): void {
    this.#capacity = capacity;
    this.#refresh();
  }

  status(): LegStatus {
    const status = { state: this.#state(), unsettled: this.#unsettled, waiting: this.#waiting() };
    return this.#failure === null ? status : { ...status, reason: this.#failure };
  }

  async drain(): Promise<void> {
    this.#end ??= 'draining';
    this.#refresh();
  }

  async detach(): Promise<void> {
    if (this.#end === 'stopped') return;
    this.#end = 'stopped';
    this.lose();
    this.#parts.stopped(this);
  }

  #waiting(): number | null {
    return this.#isJoined ? this.#parts.feed.waiting() : null;
  }

  #state(): LegState {
    if (this.#end !== null) return this.#end;
    if (this.#failure !== null) return 'failed';
    if (!this.#isJoined) return this.#wasJoined ? 'recovering' : 'starting';
    return this.#isPaused ? 'paused' : 'live';
  }

  #refresh(): void {
    const isOpen = this.#isJoined && !this.#isPaused && this.#end === null;
    this.canTake = isOpen && this.#unsettled < this.#capacity;
    if (this.canTake) this.#parts.feed.wake();
  }
}

/** What attaching after the end of a broker rejects with. */
export const closedError = (): BuscouplerError =>
  new BuscouplerError('BC_LIFECYCLE', 'The broker is closed.');
