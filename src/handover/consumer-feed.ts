import type { Leg, LegSpec } from '../contract/broker.js';
import { BuscouplerError, describeError } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import type { ConsumerControl, ConsumerHealth } from '../contract/message-bus.js';
import { Attaching } from './attaching.js';
import type { ConsumerFeedOptions } from './consumer-feed-options.js';
import { type ConsumerState, mayFollow } from './consumer-states.js';
import { Deadline } from './deadline.js';
import { tellLeft, tellStarted } from './feed-events.js';
import { statusOf } from './feed-status.js';
import { endLegs, type Feeding, type LegAndTaker, type LegsEnding } from './feeding.js';
import { HELD_IN_TROUBLE, HoldLimit, limitsHolding } from './hold-limit.js';
import { Intake } from './intake.js';
import { capacityOf } from './leg-capacity.js';
import { checkReachable, refusalOf } from './move-refusals.js';
import { Operations } from './operations.js';
import { OtherLeg } from './other-leg.js';

/** Longest wait for running handlers when a consumer stops, ms. */
const STOP_DEADLINE_MS = 10_000;

/** Longest wait for running handlers when what is held goes back, ms. */
const GIVE_BACK_MS = 1_000;

/** Pause before a consumer that could not start tries again, ms. */
const RECOVER_MS = 1_000;

/**
 * One consumer, the leg that feeds it and the one that drains its other broker. Operations run one after another; `stop` does
 * not wait for those before it but cuts them short. A move makes before it breaks: the new leg is attached and its deliveries
 * are held until the old one has finished what was delivered to it, so a broker that cannot serve leaves the old leg untouched.
 * The draining leg of the new broker leaves before, and what it held comes to the new live leg in its order.
 */
export class ConsumerFeed implements ConsumerControl {
  readonly #options: ConsumerFeedOptions;
  #state: ConsumerState = 'idle';
  #reason: string | undefined;
  #broker: BrokerName;
  #feeding: Feeding | null = null;
  /** The old leg of a move, as long as it finishes. */
  #leaving: Leg | null = null;
  /** The leg that drains its other broker. */
  readonly #other: OtherLeg;
  readonly #holding: HoldLimit;
  #concurrency: number;
  #wantsPause = false;
  readonly #operations: Operations;
  #attaching: Attaching | null = null;
  #deadline: Deadline | null = null;

  constructor(options: ConsumerFeedOptions) {
    this.#options = options;
    this.#broker = options.broker;
    this.#concurrency = options.consumer.concurrency;
    this.#operations = new Operations(options.consumer.name);
    this.#other = new OtherLeg({ ...options, capacity: (broker) => this.#capacity(broker) });
    this.#holding = new HoldLimit({
      clock: options.clock,
      onDue: () => this.#againIfItFails(this.#operations.run(() => this.#giveBack())),
      onOver: () => this.#adjust(),
    });
    options.pipeline.watchTrouble(() => this.#watchHolding());
  }

  get name(): string {
    return this.#options.consumer.name;
  }

  /** The broker that feeds it now, where its retry copies go. */
  get broker(): BrokerName {
    return this.#broker;
  }

  get state(): ConsumerState {
    return this.#state;
  }

  /** Running handlers. */
  get inFlight(): number {
    return this.#options.pipeline.inFlight;
  }

  start(): Promise<void> {
    return this.#operations.run(() => this.#start());
  }

  /** Its broker is away; it starts when that is back. */
  startLater(): void {
    if (mayFollow(this.#state, 'recovering')) this.#enter('recovering', `${this.#broker} is not connected`);
  }

  /** Its broker is back: starts, and while that fails for a reason that can pass, tries again. */
  recover(): void {
    if (this.#state !== 'recovering') return;
    this.#againIfItFails(
      this.#operations.run(async () => {
        if (this.#state === 'recovering') await this.#start();
      }),
    );
  }

  #againIfItFails(starting: Promise<void>): void {
    starting.catch((error: unknown) => {
      if (this.#state !== 'failed' || !(error instanceof BuscouplerError && error.retriable)) return;
      this.#enter('recovering', describeError(error));
      this.#options.clock.schedule(() => this.recover(), RECOVER_MS);
    });
  }

  /** The broker of its draining leg may be back. */
  brokerCameUp(broker: BrokerName): void {
    if (broker === this.#broker) this.recover();
    else this.#other.tryNow();
  }

  async stop(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    await this.stopAndCount(options.deadlineMs ?? STOP_DEADLINE_MS);
  }

  /** Like `stop`; returns how many deliveries both legs left unsettled. */
  stopAndCount(deadlineMs: number): Promise<number> {
    const endMs = this.#options.clock.monotonicMs() + deadlineMs;
    const stopping = this.#operations.stop(() => this.#stop(endMs));
    this.#attaching?.giveUp(this.#operations.stopped());
    this.#other.stopWaiting();
    this.#deadline?.bringForward(endMs);
    return stopping;
  }

  move(to: BrokerName): Promise<void> {
    return this.#operations.run(() => this.#move(to));
  }

  pause(): void {
    this.#wantsPause = ['starting', 'live', 'moving', 'recovering'].includes(this.#state);
    if (this.#state === 'live') this.#pauseNow();
  }

  resume(): void {
    this.#wantsPause = false;
    if (this.#state !== 'paused') return;
    this.#enter('live');
    this.#feeding?.intake.release();
    this.#feeding?.leg.resume();
    this.#other.resume();
    this.#options.emit('consumer-resumed', { consumer: this.name });
  }

  setConcurrency(concurrency: number): void {
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      const what = `The concurrency of "${this.name}" cannot be ${concurrency}; allowed: a whole number from 1.`;
      throw new BuscouplerError('BC_DEFINITION_INVALID', what);
    }
    this.#concurrency = concurrency;
    this.#options.pipeline.setConcurrency(concurrency);
    this.#adjust();
  }

  status(): ConsumerHealth {
    const { pipeline } = this.#options;
    const legs = this.#other.status();
    if (this.#leaving !== null) legs[this.#leaving.broker] = this.#leaving.status();
    if (this.#feeding !== null) legs[this.#feeding.leg.broker] = this.#feeding.leg.status();
    return statusOf({ state: this.#state, reason: this.#reason, broker: this.#broker, legs, pipeline });
  }

  #capacity(broker: BrokerName): number {
    const { pipeline, ports } = this.#options;
    const isCautious = this.#holding.isCautious && limitsHolding(ports.get(broker));
    return capacityOf({
      concurrency: this.#concurrency,
      isAskedInBulk: pipeline.isAskedInBulk,
      isCautious,
    });
  }

  #adjust(): void {
    this.#feeding?.leg.setCapacity(this.#capacity(this.#feeding.leg.broker));
    this.#other.adjust();
  }

  #watchHolding(): void {
    if (this.#feeding !== null) this.#holding.update(this.#options.pipeline.trouble !== null);
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
    if (this.#feeding !== null) return;
    this.#enter('starting');
    try {
      this.#feeding = await this.#attach(this.#broker, { isHeld: false });
    } catch (error) {
      this.#enter('failed', describeError(error));
      throw error;
    }
    this.#enter('live');
    this.#openOther();
    this.#watchHolding();
    if (this.#wantsPause) this.#pauseNow();
    tellStarted(this.#options, this.#broker);
  }

  /** What is held for too long goes back once, before the broker takes the channel away for it, and few come again at a time. */
  async #giveBack(): Promise<void> {
    const feeding = this.#feeding;
    if (feeding === null || !this.#holding.isCautious) return;
    if (!limitsHolding(this.#options.ports.get(this.#broker))) return this.#other.giveBack();
    const what = `"${this.name}" gives back what it holds on ${this.#broker} and takes ${HELD_IN_TROUBLE} at a time for now: ${this.#options.pipeline.trouble}`;
    this.#options.emit('warning', { what });
    const endMs = this.#options.clock.monotonicMs() + GIVE_BACK_MS;
    await this.#endBoth(feeding, { endMs, interrupts: false });
    this.#feeding = null;
    await this.#start();
  }

  #openOther(): void {
    if (!this.#operations.isStopAwaited) this.#other.open(this.#broker, { isPaused: this.#wantsPause });
  }

  #pauseNow(): void {
    this.#enter('paused');
    this.#feeding?.leg.pause();
    this.#other.pause();
    this.#options.emit('consumer-paused', { consumer: this.name, reason: 'pause() was called' });
  }

  async #attach(broker: BrokerName, holding: { readonly isHeld: boolean }): Promise<Feeding> {
    const { ports, pipeline, consumer, clock } = this.#options;
    const port = ports.get(broker);
    if (port === undefined)
      throw new BuscouplerError('BC_MOVE_REFUSED', `The broker ${broker} is not enabled.`);
    await this.#other.untilLateLegLeft();
    if (this.#operations.isStopAwaited) throw this.#operations.stopped();
    const intake = new Intake(pipeline, broker, holding);
    const spec: LegSpec = { consumer, capacity: this.#capacity(broker), deliver: intake.take };
    this.#attaching = new Attaching(port, spec, clock);
    try {
      const leg = await this.#attaching.leg;
      const capacity = this.#capacity(broker);
      if (spec.capacity !== capacity) leg.setCapacity(capacity); // changed meanwhile
      return { leg, intake };
    } catch (error) {
      intake.close();
      throw error;
    } finally {
      this.#attaching = null;
    }
  }

  async #stop(endMs: number): Promise<number> {
    const feeding = this.#feeding;
    this.#wantsPause = false;
    let left = 0;
    let leftByOther = 0;
    if (feeding !== null) {
      [left = 0, leftByOther = 0] = await this.#endBoth(feeding, { endMs });
      this.#feeding = null;
      const { broker } = feeding.leg;
      this.#options.emit('consumer-stopped', { consumer: this.name, broker, unsettled: left });
    }
    this.#holding.end();
    if (mayFollow(this.#state, 'stopped')) this.#enter('stopped');
    return left + leftByOther;
  }

  async #endBoth(feeding: Feeding, ending: LegsEnding): Promise<number[]> {
    const draining = await this.#other.release();
    return this.#end(draining === null ? [feeding] : [feeding, draining], ending);
  }

  async #end(legs: readonly LegAndTaker[], { endMs, ...rest }: LegsEnding): Promise<number[]> {
    const { pipeline, clock, emit } = this.#options;
    const deadline = new Deadline(clock, endMs);
    this.#deadline = deadline;
    const left = await endLegs(legs, { consumer: this.name, pipeline, deadline, emit, ...rest });
    this.#deadline = null;
    return left;
  }

  /** Before the broker of the draining leg feeds the consumer: one queue with two legs of it would lose its order. */
  async #endOther(): Promise<void> {
    const draining = await this.#other.release();
    const endMs = this.#options.clock.monotonicMs() + STOP_DEADLINE_MS;
    if (draining !== null) await this.#end([draining], { endMs, interrupts: false });
    if (this.#operations.isStopAwaited) throw this.#operations.stopped();
  }

  async #move(to: BrokerName): Promise<void> {
    const from = this.#broker;
    if (to === from) return;
    const { clock, emit } = this.#options;
    const startedMs = clock.monotonicMs();
    try {
      this.#checkMove(to);
      if (this.#feeding === null) await this.#moveUnfed(to);
      else await this.#swapLegs(this.#feeding, from, to);
    } catch (error) {
      throw this.#refused({ from, to }, error);
    }
    emit('consumer-moved', { consumer: this.name, from, to, tookMs: clock.monotonicMs() - startedMs });
  }

  #checkMove(to: BrokerName): void {
    const { consumer, ports, checkMove } = this.#options;
    checkMove(consumer, to);
    if (this.#feeding !== null) checkReachable(consumer.name, ports.get(to));
  }

  /** Only the name of its broker changes, unless it waits for the old one. */
  async #moveUnfed(to: BrokerName): Promise<void> {
    const [from, before, reason] = [this.#broker, this.#state, this.#reason];
    this.#broker = to;
    if (before !== 'recovering' && before !== 'failed') return;
    try {
      await this.#start();
    } catch (error) {
      this.#broker = from;
      if (before === 'recovering') this.#enter(before, reason);
      throw error;
    }
  }

  async #swapLegs(old: Feeding, from: BrokerName, to: BrokerName): Promise<void> {
    const { consumer, clock, emit } = this.#options;
    this.#wantsPause ||= this.#state === 'paused';
    const before = this.#state;
    this.#enter('moving');
    emit('consumer-moving', { consumer: this.name, from, to });
    let fresh: Feeding;
    try {
      await this.#endOther();
      fresh = await this.#attach(to, { isHeld: true });
    } catch (error) {
      this.#enter(before);
      this.#openOther();
      if (this.#wantsPause && before === 'live') this.#pauseNow();
      throw error;
    }
    this.#leaving = old.leg;
    this.#feeding = fresh;
    this.#broker = to;
    const patienceMs = (consumer.timeoutMs + 1_000) * consumer.retry.attempts + 60_000;
    const [left = 0] = await this.#end([old], { endMs: clock.monotonicMs() + patienceMs });
    this.#leaving = null;
    if (left > 0) tellLeft(this.#options, left, from);
    this.#enter(this.#wantsPause ? 'paused' : 'live');
    if (this.#wantsPause) fresh.leg.pause();
    else fresh.intake.release();
    this.#openOther();
    tellStarted(this.#options, this.#broker);
  }

  #refused({ from, to }: { from: BrokerName; to: BrokerName }, cause: unknown): BuscouplerError {
    const error = refusalOf(cause, `"${this.name}" stays on ${from}`);
    this.#options.emit('consumer-move-refused', { consumer: this.name, from, to, error });
    return error;
  }
}
