import type { Clock, Random, Timer } from '../contract/clock.js';
import type { BuscouplerError } from '../contract/errors.js';
import type { EmitEvent } from '../contract/events.js';
import type { BrokerName } from '../contract/message.js';
import type { Outbox, OutboxLane, OutboxRow } from '../contract/outbox.js';
import { HeldBack } from './held-back.js';
import { chainsOf, type SendRow, sendChain } from './order-chain.js';
import type { StoreWatch } from './store-watch.js';

/** Most rows on their way to one broker. */
const MAX_UNDER_WAY = 500;

/** Most orders that one read leaves out; a broker for which more have failed is left alone until some are due. */
const MAX_EXCEPT = 1_000;

/** After so long those that were answered are marked and more is read, though others are still on their way, ms. */
const ROUND_MS = 200;

/** Pause before the next look, unless there may be more: doubles up to the second while there is nothing, ms. */
const IDLE_FIRST_MS = 25;
const IDLE_LONGEST_MS = 1_000;

/** Pause after the store failed, ms. */
const TROUBLE_MS = 1_000;

/** What a pump is made of. */
export interface BrokerPumpOptions {
  readonly broker: BrokerName;
  readonly outbox: Outbox;
  readonly watch: StoreWatch;
  readonly lanes: {
    lanesOf(broker: BrokerName): number[];
    holds(lane: OutboxLane): boolean;
  };
  readonly send: SendRow;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: EmitEvent;
}

/** Sends the rows of the lanes that this relay holds to one broker, independently of every other broker. */
export class BrokerPump {
  readonly #options: BrokerPumpOptions;
  readonly #heldBack: HeldBack;
  /** Lane by order, from the read until every row of the chain is marked: until then it must not be read again. */
  readonly #underWay = new Map<string, number>();
  #rowsUnderWay = 0;
  #chains = 0;
  #stored: OutboxRow[] = [];
  #refused: { readonly row: OutboxRow; readonly error: BuscouplerError }[] = [];
  #ended: string[] = [];
  #idleMs = IDLE_FIRST_MS;
  /** On the monotonic clock. */
  #nextReadMs = 0;
  #wake: (() => void) | null = null;
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(options: BrokerPumpOptions) {
    this.#options = options;
    this.#heldBack = new HeldBack(options.clock, options.random);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something is about to be there: looks within 25 ms. */
  nudge(): void {
    if (this.#idleMs === IDLE_FIRST_MS) return;
    this.#idleMs = IDLE_FIRST_MS;
    this.#nextReadMs = 0;
    if (this.#chains === 0) this.#wake?.();
  }

  isBusy(lane: number): boolean {
    for (const one of this.#underWay.values()) if (one === lane) return true;
    return false;
  }

  /** Starts nothing more; resolves when what is under way was answered and marked. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped || this.#chains > 0) await this.#round();
    await this.#mark().catch(() => undefined); // told by the watch; what is not marked is sent again with its id
  }

  async #round(): Promise<void> {
    try {
      await this.#mark();
      const leftMs = this.#nextReadMs - this.#options.clock.monotonicMs();
      if (leftMs > 0 && this.#chains === 0 && !this.#isStopped) await this.#rest(leftMs);
      await this.#fill();
      if (this.#chains > 0) await this.#rest(ROUND_MS);
    } catch {
      await this.#rest(TROUBLE_MS); // told by the watch
    }
  }

  /** Resolves after the time, when the last chain ended, or when there is a reason to look. */
  #rest(timeMs: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | null = null;
      this.#wake = () => {
        this.#wake = null;
        timer?.cancel();
        resolve();
      };
      timer = this.#options.clock.schedule(this.#wake, timeMs);
    });
  }

  /** Reads more and sends it. */
  async #fill(): Promise<void> {
    const { broker, outbox, watch, lanes } = this.#options;
    const limit = MAX_UNDER_WAY - this.#rowsUnderWay;
    if (limit <= 0) return;
    const mine = lanes.lanesOf(broker);
    const except = [...this.#underWay.keys(), ...this.#heldBack.waiting()];
    const isAble = !this.#isStopped && mine.length > 0 && except.length <= MAX_EXCEPT;
    const rows = isAble ? await watch.ask(() => outbox.read({ broker, lanes: mine, limit, except })) : [];
    this.#planNextRead(rows.length, limit);
    if (this.#isStopped) return;
    for (const [order, chain] of chainsOf(rows)) this.#send(order, chain);
  }

  /** At once if there may be more, else after a pause: few rows at a time cost the store as much as many. */
  #planNextRead(found: number, limit: number): void {
    if (found > 0) this.#idleMs = IDLE_FIRST_MS;
    const pauseMs = found > 0 && found >= limit ? 0 : this.#idleMs;
    this.#nextReadMs = this.#options.clock.monotonicMs() + pauseMs;
    if (found === 0) this.#idleMs = Math.min(IDLE_LONGEST_MS, this.#idleMs * 2);
  }

  #send(order: string, chain: readonly OutboxRow[]): void {
    const { broker, send, lanes } = this.#options;
    this.#underWay.set(order, (chain[0] as OutboxRow).lane);
    this.#rowsUnderWay += chain.length;
    this.#chains += 1;
    const sending = sendChain(chain, {
      mayGoOn: ({ lane }) => !this.#isStopped && lanes.holds({ broker, lane }),
      send: (row) => send(row, broker),
      onStored: (row) => {
        this.#stored.push(row);
        this.#heldBack.succeeded(order);
      },
      onRefused: (row, error) => void this.#refused.push({ row, error }),
      onFailed: () => this.#heldBack.failed(order),
    });
    void sending.then(() => this.#chainEnded(order, chain.length));
  }

  #chainEnded(order: string, rows: number): void {
    this.#ended.push(order);
    this.#rowsUnderWay -= rows;
    this.#chains -= 1;
    if (this.#chains === 0) this.#wake?.();
  }

  /** Marks in bulk what was answered. What cannot be marked now stays under way and is marked later. */
  async #mark(): Promise<void> {
    const { broker, outbox, watch } = this.#options;
    const [stored, refused, ended] = [this.#stored, this.#refused, this.#ended];
    [this.#stored, this.#refused, this.#ended] = [[], [], []];
    try {
      if (stored.length > 0) await watch.ask(() => outbox.markStored(broker, stored));
      stored.length = 0;
      for (let one = refused[0]; one !== undefined; one = refused[0]) {
        await this.#park(one);
        refused.shift();
      }
    } catch (error) {
      this.#stored.unshift(...stored);
      this.#refused.unshift(...refused);
      this.#ended.unshift(...ended);
      throw error;
    }
    for (const order of ended) this.#underWay.delete(order);
  }

  async #park({ row, error }: { row: OutboxRow; error: BuscouplerError }): Promise<void> {
    const { broker, outbox, watch, emit } = this.#options;
    await watch.ask(() => outbox.park(broker, row, `${error.code}: ${error.message}`));
    emit('outbox-parked', { topic: row.topic, id: row.message.id, broker, error });
  }
}
