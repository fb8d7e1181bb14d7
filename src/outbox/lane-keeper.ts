import type { Clock, Timer } from '../contract/clock.js';
import type { BrokerName } from '../contract/message.js';
import type { LaneLease, Outbox, OutboxLane, RelayBoard, RelayPresence } from '../contract/outbox.js';
import { LifeSigns } from './life-signs.js';
import { planLanes } from './share-lanes.js';
import type { StoreWatch } from './store-watch.js';

/** What a keeper is made of. */
export interface LaneKeeperOptions {
  readonly outbox: Outbox;
  readonly watch: StoreWatch;
  readonly clock: Clock;
  /** Of this relay, for as long as it runs. */
  readonly token: string;
  /** Those that this relay can reach. */
  readonly brokers: readonly BrokerName[];
  /** After so long without a sign of life a relay's lanes go to others, ms. */
  readonly leaseMs: number;
  /** True while rows of the lane are on their way: it is not given back then. */
  readonly isBusy: (lane: OutboxLane) => boolean;
  /** Lanes were taken. */
  readonly onTaken: (lanes: readonly OutboxLane[]) => void;
}

const nameOf = ({ broker, lane }: OutboxLane): string => `${broker}:${lane}`;

/** Holds this relay's share of the lanes: renews, takes what is free or was a dead relay's, gives back what is too much. */
export class LaneKeeper {
  readonly #options: LaneKeeperOptions;
  readonly #signs: LifeSigns;
  #held = new Map<string, OutboxLane>();
  /** To be given back as soon as nothing of them is under way. */
  #leaving = new Set<string>();
  /** Counted from before the renewal was asked for, so that it ends before anybody else sees the lease end. */
  #validUntilMs = 0;
  #timer: Timer | null = null;
  #ticking: Promise<void> | null = null;
  #isStopped = false;

  constructor(options: LaneKeeperOptions) {
    this.#options = options;
    this.#signs = new LifeSigns(options.leaseMs);
  }

  /** Lanes whose rows this relay may send now. */
  get size(): number {
    return this.#isValid ? this.#held.size : 0;
  }

  lanesOf(broker: BrokerName): number[] {
    if (!this.#isValid) return [];
    const lanes: number[] = [];
    for (const [name, one] of this.#held) {
      if (one.broker === broker && !this.#leaving.has(name)) lanes.push(one.lane);
    }
    return lanes;
  }

  /** True if the rows of this lane are still ours to send; asked before each of them. */
  holds(lane: OutboxLane): boolean {
    return this.#isValid && this.#held.has(nameOf(lane));
  }

  get #isValid(): boolean {
    return this.#options.clock.monotonicMs() < this.#validUntilMs;
  }

  start(): void {
    this.#ticking ??= this.#tick()
      .catch(() => undefined) // the watch has told it; what is held runs out by itself
      .then(() => {
        this.#ticking = null;
        if (this.#isStopped) return;
        this.#timer = this.#options.clock.schedule(() => this.start(), this.#options.leaseMs / 4);
      });
  }

  /** Gives every lane back. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#ticking;
    const { outbox, watch, token } = this.#options;
    const held = [...this.#held.values()];
    this.#held.clear();
    await watch.ask(() => outbox.release(token, held, true)).catch(() => undefined); // the lease runs out
  }

  async #tick(): Promise<void> {
    const { outbox, watch, token, brokers, clock, isBusy } = this.#options;
    const board = await this.#renew();
    const nowMs = clock.monotonicMs();
    const plans = brokers.map((broker) =>
      planLanes({
        board,
        token,
        broker,
        isStale: (sign) => this.#signs.isStale(signNameOf(sign), nowMs),
      }),
    );
    const surplus = plans.flatMap(({ release }) => release);
    this.#leaving = new Set(surplus.map(nameOf));
    const idle = surplus.filter((lane) => !isBusy(lane));
    if (idle.length > 0) {
      for (const lane of idle) this.#held.delete(nameOf(lane));
      await watch.ask(() => outbox.release(token, idle));
    }
    const wanted = plans.flatMap(({ take }) => take);
    if (wanted.length === 0 || this.#isStopped) return;
    await watch.ask(() => outbox.take(token, wanted));
    await this.#renew();
  }

  async #renew(): Promise<RelayBoard> {
    const { outbox, watch, token, brokers, clock, leaseMs, onTaken } = this.#options;
    const askedAtMs = clock.monotonicMs();
    const board = await watch.ask(() => outbox.renew({ token, brokers }));
    const signs = [...board.leases, ...board.relays];
    this.#signs.look(
      signs.map((sign) => [signNameOf(sign), sign] as const),
      clock.monotonicMs(),
    );
    const mine = board.leases.filter((lease) => lease.token === token);
    const taken = mine.filter((lease) => !this.#held.has(nameOf(lease)));
    this.#held = new Map(mine.map((lease) => [nameOf(lease), lease]));
    this.#validUntilMs = askedAtMs + leaseMs;
    if (taken.length > 0) onTaken(taken);
    return board;
  }
}

/** A lease is known by its lane, a relay by its token. */
const signNameOf = (sign: LaneLease | RelayPresence): string =>
  'lane' in sign ? nameOf(sign) : `relay:${sign.token}`;
