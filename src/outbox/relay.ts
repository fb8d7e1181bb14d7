import { randomUUID } from 'node:crypto';
import type { Clock, Random } from '../contract/clock.js';
import type { EmitEvent } from '../contract/events.js';
import type { BrokerName } from '../contract/message.js';
import type { OutboxHealth } from '../contract/message-bus.js';
import type { Outbox, OutboxLane, OutboxRelay } from '../contract/outbox.js';
import { BacklogGauge } from './backlog-gauge.js';
import { BrokerPump } from './broker-pump.js';
import { LaneKeeper } from './lane-keeper.js';
import type { SendRow } from './order-chain.js';
import { StoreWatch } from './store-watch.js';

/** After so long without a sign of life the lanes of a relay go to others, ms. */
const LEASE_MS = 10_000;

/** What a relay is made of. */
export interface RelayOptions {
  readonly outbox: Outbox;
  /** Those that this process can reach. */
  readonly brokers: readonly BrokerName[];
  readonly send: SendRow;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: EmitEvent;
}

/**
 * Publishes what the outbox holds: a pump per broker, so that one that is down holds nothing up for the other; lanes, so
 * that several relays share the work and each order is sent by one of them at a time.
 */
export class Relay implements OutboxRelay {
  readonly #watch: StoreWatch;
  readonly #keeper: LaneKeeper;
  readonly #gauge: BacklogGauge;
  readonly #pumps = new Map<BrokerName, BrokerPump>();
  readonly #options: RelayOptions;
  #state: 'idle' | 'running' | 'stopped' = 'idle';

  constructor(options: RelayOptions) {
    this.#options = options;
    const { outbox, brokers, clock, emit } = options;
    this.#watch = new StoreWatch(clock, emit);
    this.#gauge = new BacklogGauge({ outbox, watch: this.#watch, clock, emit });
    this.#keeper = new LaneKeeper({
      outbox,
      watch: this.#watch,
      clock,
      token: randomUUID(),
      brokers,
      leaseMs: LEASE_MS,
      isBusy: ({ broker, lane }) => this.#pumps.get(broker)?.isBusy(lane) === true,
      onTaken: (lanes) => this.#laneTaken(lanes),
    });
    for (const broker of brokers) {
      const pump = new BrokerPump({ ...options, broker, watch: this.#watch, lanes: this.#keeper });
      this.#pumps.set(broker, pump);
    }
  }

  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'running';
    this.#keeper.start();
    this.#gauge.start();
    for (const pump of this.#pumps.values()) pump.start();
  }

  nudge(): void {
    for (const pump of this.#pumps.values()) pump.nudge();
  }

  async stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    if (this.#state !== 'running') {
      this.#state = 'stopped';
      return;
    }
    this.#state = 'stopped';
    this.#gauge.stop();
    await this.#within(deadlineMs, Promise.all([...this.#pumps.values()].map((pump) => pump.stop())));
    await this.#keeper.stop();
  }

  health(): OutboxHealth {
    const { isLagging, ...backlog } = this.#gauge.reading();
    const { reason } = this.#watch;
    const shown = reason === null ? {} : { reason };
    return { state: this.#stateNow(isLagging, reason), ...backlog, lanes: this.#keeper.size, ...shown };
  }

  #stateNow(isLagging: boolean, reason: string | null): OutboxHealth['state'] {
    if (this.#state !== 'running') return this.#state;
    if (reason !== null) return 'away';
    return isLagging ? 'lagging' : 'relaying';
  }

  /** Whatever was parked in them is tried again: the relay that takes them may be a new release that knows better. */
  #laneTaken(lanes: readonly OutboxLane[]): void {
    const { outbox } = this.#options;
    void this.#watch
      .ask(() => outbox.reopen(lanes))
      .catch(() => undefined) // told by the watch
      .then(() => this.nudge());
  }

  #within(timeMs: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.schedule(resolve, timeMs, { keepAlive: true });
      void work.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
