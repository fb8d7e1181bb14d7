import type { BrokerPort, Delivery, Leg, LegStatus } from '../contract/broker.js';
import type { Clock } from '../contract/clock.js';
import type { AnyConsumer } from '../contract/consumer.js';
import { BuscouplerError, describeError } from '../contract/errors.js';
import type { EmitEvent } from '../contract/events.js';
import type { BrokerName } from '../contract/message.js';
import type { ConsumerControl, ConsumerHealth } from '../contract/message-bus.js';
import { wait } from '../delivery/backoff.js';
import type { Pipeline } from '../delivery/pipeline.js';
import { type ConsumerState, mayFollow } from './consumer-states.js';

/** Deliveries per handler in flight: with fewer, one key's messages fill the window and the other keys starve. */
const DELIVERIES_PER_HANDLER = 8;

/** Longest wait for running handlers when a consumer stops, ms. */
const STOP_DEADLINE_MS = 10_000;

/** What the feed of one consumer is made of. */
export interface ConsumerFeedOptions {
  readonly consumer: AnyConsumer;
  /** The broker that its flag names. */
  readonly broker: BrokerName;
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** Throws BC_MOVE_REFUSED if the consumer may not be fed by this broker. */
  readonly checkMove: (consumer: AnyConsumer, to: BrokerName) => void;
}

/**
 * One consumer and the leg that feeds it. Operations run one after another. A move makes before it breaks: the new leg
 * is attached and its deliveries are held until the old one has finished what was delivered to it, so a broker that
 * cannot serve leaves the old leg untouched.
 */
export class ConsumerFeed implements ConsumerControl {
  readonly #options: ConsumerFeedOptions;
  #state: ConsumerState = 'idle';
  #reason: string | undefined;
  #broker: BrokerName;
  #leg: Leg | null = null;
  #drainingLeg: Leg | null = null;
  #concurrency: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ConsumerFeedOptions) {
    this.#options = options;
    this.#broker = options.broker;
    this.#concurrency = options.consumer.concurrency;
  }

  get name(): string {
    return this.#options.consumer.name;
  }

  get broker(): BrokerName {
    return this.#broker;
  }

  get state(): ConsumerState {
    return this.#state;
  }

  start(): Promise<void> {
    return this.#oneByOne(() => this.#start());
  }

  /** Its broker is away; it starts when that is back. */
  startLater(): void {
    if (mayFollow(this.#state, 'recovering')) this.#enter('recovering', `${this.#broker} is not connected`);
  }

  stop(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    return this.#oneByOne(() => this.#stop(options.deadlineMs ?? STOP_DEADLINE_MS)).then(() => undefined);
  }

  /** Like `stop`; returns how many deliveries were left unsettled. */
  stopAndCount(deadlineMs: number): Promise<number> {
    return this.#oneByOne(() => this.#stop(deadlineMs));
  }

  move(to: BrokerName): Promise<void> {
    return this.#oneByOne(() => this.#move(to));
  }

  pause(): void {
    if (this.#state !== 'live') return;
    this.#enter('paused');
    this.#leg?.pause();
    this.#options.emit('consumer-paused', { consumer: this.name, reason: 'pause() was called' });
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#enter('live');
    this.#leg?.resume();
    this.#options.emit('consumer-resumed', { consumer: this.name });
  }

  setConcurrency(concurrency: number): void {
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      const what = `The concurrency of "${this.name}" cannot be ${concurrency}; allowed: a whole number from 1.`;
      throw new BuscouplerError('BC_DEFINITION_INVALID', what);
    }
    this.#concurrency = concurrency;
    this.#options.pipeline.setConcurrency(concurrency);
    this.#leg?.setCapacity(this.#capacity);
  }

  status(): ConsumerHealth {
    const legs: Partial<Record<BrokerName, LegStatus>> = {};
    if (this.#drainingLeg !== null) legs[this.#drainingLeg.broker] = this.#drainingLeg.status();
    if (this.#leg !== null) legs[this.#leg.broker] = this.#leg.status();
    const own = legs[this.#broker];
    const isAway = this.#state === 'live' && (own?.state === 'recovering' || own?.state === 'failed');
    const reason = this.#reason ?? own?.reason;
    return {
      state: isAway ? (own.state as 'recovering' | 'failed') : this.#state,
      broker: this.#broker,
      inFlight: this.#options.pipeline.inFlight,
      legs,
      ...(reason === undefined ? {} : { reason }),
    };
  }

  get #capacity(): number {
    return this.#concurrency * DELIVERIES_PER_HANDLER;
  }

  #oneByOne<Result>(operation: () => Promise<Result>): Promise<Result> {
    const next = this.#last.then(operation, operation);
    this.#last = next.catch(() => undefined);
    return next;
  }

  #enter(state: ConsumerState, reason?: string): void {
    if (!mayFollow(this.#state, state)) {
      const what = `The consumer "${this.name}" is ${this.#state} and cannot become ${state}.`;
      throw new BuscouplerError('BC_LIFECYCLE', what);
    }
    this.#state = state;
    this.#reason = reason;
  }

  async #start(): Promise<void> {
    if (this.#state === 'live' || this.#state === 'paused') return;
    this.#enter('starting');
    const { pipeline } = this.#options;
    try {
      const broker = this.#broker;
      this.#leg = await this.#attach(broker, (delivery) => pipeline.accept(delivery, broker));
      this.#enter('live');
    } catch (error) {
      this.#enter('failed', describeError(error));
      throw error;
    }
    this.#tellStarted();
  }

  #tellStarted(): void {
    const { consumer, emit } = this.#options;
    emit('consumer-started', {
      consumer: consumer.name,
      topic: consumer.topic.name,
      group: consumer.group,
      broker: this.#broker,
    });
  }

  #attach(broker: BrokerName, deliver: (delivery: Delivery) => void): Promise<Leg> {
    const port = this.#options.ports.get(broker);
    if (port === undefined) {
      return Promise.reject(new BuscouplerError('BC_MOVE_REFUSED', `The broker ${broker} is not enabled.`));
    }
    return port.attach({ consumer: this.#options.consumer, capacity: this.#capacity, deliver });
  }

  async #stop(deadlineMs: number): Promise<number> {
    const leg = this.#leg;
    if (leg === null) {
      if (mayFollow(this.#state, 'stopped')) this.#enter('stopped');
      return 0;
    }
    const left = await this.#finish(leg, deadlineMs);
    this.#leg = null;
    this.#enter('stopped');
    this.#options.emit('consumer-stopped', { consumer: this.name, broker: leg.broker, unsettled: left });
    return left;
  }

  /** Drains a leg, waits for its deliveries until the deadline, then interrupts them, and leaves. */
  async #finish(leg: Leg, deadlineMs: number): Promise<number> {
    const { pipeline, clock } = this.#options;
    const endMs = clock.monotonicMs() + deadlineMs;
    const over = new AbortController();
    await Promise.race([leg.drain(), wait(clock, deadlineMs, over.signal)]);
    const leftMs = Math.max(0, endMs - clock.monotonicMs());
    await Promise.race([pipeline.idle(leg.broker), wait(clock, leftMs, over.signal)]);
    over.abort();
    const left = pipeline.held(leg.broker);
    if (left > 0) await pipeline.interrupt();
    await leg.detach({ deadlineMs: Math.max(1_000, endMs - clock.monotonicMs()) });
    return left;
  }

  async #move(to: BrokerName): Promise<void> {
    const from = this.#broker;
    if (to === from) return;
    const { consumer, clock, emit, checkMove } = this.#options;
    try {
      checkMove(consumer, to);
      if (this.#leg === null) {
        this.#broker = to;
        emit('consumer-moved', { consumer: this.name, from, to, tookMs: 0 });
        return;
      }
      this.#resumeBeforeMove();
      this.#enter('moving');
    } catch (error) {
      throw this.#refused({ from, to }, error);
    }
    const startedMs = clock.monotonicMs();
    emit('consumer-moving', { consumer: this.name, from, to });
    await this.#swapLegs(this.#leg, from, to);
    emit('consumer-moved', { consumer: this.name, from, to, tookMs: clock.monotonicMs() - startedMs });
    this.#tellStarted();
  }

  #resumeBeforeMove(): void {
    if (this.#state === 'paused') this.resume();
  }

  async #swapLegs(old: Leg, from: BrokerName, to: BrokerName): Promise<void> {
    const { pipeline, consumer } = this.#options;
    let held: Delivery[] | null = [];
    const deliver = (delivery: Delivery): void => {
      if (held === null) pipeline.accept(delivery, to);
      else held.push(delivery);
    };
    let fresh: Leg;
    try {
      fresh = await this.#attach(to, deliver);
    } catch (error) {
      this.#enter('live');
      throw this.#refused({ from, to }, error);
    }
    this.#drainingLeg = old;
    this.#leg = fresh;
    this.#broker = to;
    await this.#finish(old, (consumer.timeoutMs + 1_000) * consumer.retry.attempts + 30_000);
    this.#drainingLeg = null;
    const waiting = held;
    held = null;
    for (const delivery of waiting) pipeline.accept(delivery, to);
    this.#enter('live');
  }

  #refused({ from, to }: { from: BrokerName; to: BrokerName }, cause: unknown): BuscouplerError {
    const error =
      cause instanceof BuscouplerError
        ? cause
        : new BuscouplerError(
            'BC_MOVE_REFUSED',
            `"${this.name}" stays on ${from}: ${describeError(cause)}.`,
            { cause },
          );
    this.#options.emit('consumer-move-refused', { consumer: this.name, from, to, error });
    return error;
  }
}
