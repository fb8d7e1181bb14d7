import type { BrokerPort, LegSpec, LegStatus } from '../contract/broker.js';
import type { Clock, Timer } from '../contract/clock.js';
import type { AnyConsumer } from '../contract/consumer.js';
import { BuscouplerError, describeError } from '../contract/errors.js';
import type { EmitEvent } from '../contract/events.js';
import type { Inbox, InboxCopy } from '../contract/inbox.js';
import type { BrokerName } from '../contract/message.js';
import type { Pipeline } from '../delivery/pipeline.js';
import { Attaching } from './attaching.js';
import { Deadline } from './deadline.js';
import { endLegs, type LegAndTaker } from './feeding.js';
import { Follower } from './follower.js';
import { HOLD_MAX_MS } from './hold-limit.js';

/** First and longest pause before a leg that could not be attached is tried again, ms. */
const TRY_AGAIN_MS = { first: 1_000, longest: 60_000 };

/** How long what runs is waited for when a leg is given up, ms. */
const GIVE_UP_MS = 1_000;

/** How often the inbox is asked whether a leg that was given up can go on, ms. */
const PROBE_MS = 10_000;

/** How often the broker is asked at most what waits there, ms. */
const DEPTH_MS = 5_000;

/** What a draining leg is made of. */
export interface DrainingLegOptions {
  readonly consumer: AnyConsumer;
  readonly port: BrokerPort;
  readonly inbox: Inbox;
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** Most deliveries that it holds at a time. */
  readonly capacity: () => number;
}

interface Attached extends LegAndTaker {
  readonly intake: Follower;
}

/**
 * The leg on the broker that a consumer is not fed by. It attaches in the background and whatever happens to it never
 * fails the consumer: without it, what waits there waits longer.
 */
export class DrainingLeg {
  readonly #options: DrainingLegOptions;
  #attached: Attached | null = null;
  #attaching: Attaching | null = null;
  /** Resolves when an attach that was given up has left its broker; `null`: there is none. Never rejects. */
  late: Promise<void> | null = null;
  /** What goes on in the background: an attach, or the leaving of a leg that was given up. */
  #busy: Promise<void> | null = null;
  #timer: Timer | null = null;
  #tryAgainMs = TRY_AGAIN_MS.first;
  #reason: string | undefined;
  #depth: number | null = null;
  /** When the broker may be asked for the depth again, on `Clock.monotonicMs`. */
  #askDepthMs = 0;
  #isPaused = false;
  #isClosed = false;

  constructor(options: DrainingLegOptions) {
    this.#options = options;
  }

  get broker(): BrokerName {
    return this.#options.port.name;
  }

  /** Attaches now, unless it is attached: at the begin, and when its broker came up. */
  open(): void {
    if (this.#isClosed || this.#attached !== null || this.#busy !== null) return;
    this.#cancelTimer();
    this.#inBackground(this.#attach());
  }

  pause(): void {
    this.#isPaused = true;
    this.#attached?.leg.pause();
    this.#attached?.intake.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#attached?.intake.resume();
    this.#attached?.leg.resume();
    this.open(); // it may have been given up during a long pause
  }

  setCapacity(capacity: number): void {
    this.#attached?.leg.setCapacity(capacity);
  }

  /** What it holds goes back to the broker, and comes again as the capacity allows. */
  giveBack(): void {
    if (this.#attached === null || this.#busy !== null || this.#isClosed) return;
    this.#inBackground(this.#leave(this.#attached).then(() => (this.#isClosed ? undefined : this.#attach())));
  }

  status(): LegStatus {
    if (this.#attached === null) {
      const state = this.#attaching === null ? 'recovering' : 'starting';
      const status = { state, unsettled: 0, waiting: null } as const;
      return this.#reason === undefined ? status : { ...status, reason: this.#reason };
    }
    const own = this.#attached.leg.status();
    const state = own.state === 'live' ? 'draining' : own.state;
    return { ...own, state, waiting: own.waiting ?? this.#seenDepth() };
  }

  /** Attaches no more. Resolves with what is to be ended, if it is attached. */
  async release(): Promise<LegAndTaker | null> {
    const { consumer } = this.#options;
    this.#isClosed = true;
    this.#cancelTimer();
    this.#attaching?.giveUp(
      new BuscouplerError('BC_LIFECYCLE', `"${consumer.name}" needs no second leg now.`),
    );
    await this.#busy;
    this.#attached?.intake.pause();
    return this.#attached;
  }

  #inBackground(work: Promise<void>): void {
    this.#busy = work.finally(() => {
      this.#busy = null;
    });
  }

  async #attach(): Promise<void> {
    const { port, consumer, clock, capacity } = this.#options;
    const { state } = port.health();
    if (state !== 'up' && state !== 'degraded') return this.#openLater(`${port.name} is ${state}`);
    const intake = this.#createFollower();
    const spec: LegSpec = { consumer, role: 'draining', capacity: capacity(), deliver: intake.take };
    this.#attaching = new Attaching(port, spec, clock);
    try {
      const leg = await this.#attaching.leg;
      this.#attached = { leg, intake };
      if (spec.capacity !== capacity()) leg.setCapacity(capacity()); // changed meanwhile
      this.#reason = undefined;
      this.#tryAgainMs = TRY_AGAIN_MS.first;
      if (this.#isPaused) this.pause();
    } catch (error) {
      intake.close();
      this.#tellAway(describeError(error));
      this.#openLater(describeError(error));
    } finally {
      this.late = this.#attaching.gone ?? this.late;
      this.#attaching = null;
    }
  }

  #createFollower(): Follower {
    const { consumer, port, inbox, pipeline, clock } = this.#options;
    return new Follower({
      consumer: consumer.name,
      broker: port.name,
      inbox,
      pipeline,
      clock,
      onHeldTooLong: (copy) => this.#giveUp(copy),
    });
  }

  #tellAway(reason: string): void {
    const { consumer, port, emit } = this.#options;
    if (this.#isClosed || this.#reason !== undefined) return; // told already
    const what = `"${consumer.name}" has no draining leg on ${port.name} for now (${reason}); retries that wait there run once it has.`;
    emit('warning', { what });
  }

  #openLater(reason: string): void {
    this.#reason = reason;
    this.#openAfter(this.#tryAgainMs);
    this.#tryAgainMs = Math.min(this.#tryAgainMs * 2, TRY_AGAIN_MS.longest);
  }

  #openAfter(delayMs: number): void {
    if (this.#isClosed) return;
    this.#cancelTimer();
    this.#timer = this.#options.clock.schedule(() => this.open(), delayMs);
  }

  /** Copies go back once, instead of the broker closing the channel and counting a delivery again and again. */
  #giveUp(copy: InboxCopy): void {
    const { consumer, port, emit } = this.#options;
    if (this.#attached === null || this.#busy !== null || this.#isClosed) return;
    this.#reason = `copies there were unsettled for ${HOLD_MAX_MS / 60_000} min and are not known to the inbox`;
    emit('warning', { what: `"${consumer.name}" reads ${port.name} no more for now: ${this.#reason}.` });
    this.#inBackground(this.#leave(this.#attached).then(() => this.#probeLater(copy)));
  }

  async #leave(attached: Attached): Promise<void> {
    const { consumer, clock, pipeline, emit } = this.#options;
    const deadline = new Deadline(clock, clock.monotonicMs() + GIVE_UP_MS);
    this.#attached = null;
    await endLegs([attached], { consumer: consumer.name, pipeline, deadline, emit, interrupts: false });
  }

  #probeLater(copy: InboxCopy): void {
    if (this.#isClosed) return;
    this.#cancelTimer();
    this.#timer = this.#options.clock.schedule(() => void this.#probe(copy), PROBE_MS);
  }

  /** A shared inbox that answers lets it go on; what only this process knows must know the copy. */
  async #probe(copy: InboxCopy): Promise<void> {
    const { inbox, consumer } = this.#options;
    const [isSettled] = await Promise.resolve()
      .then(() => inbox.areSettled(consumer.name, [copy]))
      .catch(() => [undefined]);
    if (this.#attached !== null || this.#busy !== null) return; // opened meanwhile
    const canGoOn = isSettled === true || (isSettled === false && inbox.isShared && !this.#isPaused);
    if (canGoOn) this.open();
    else this.#probeLater(copy);
  }

  /** For a leg that cannot tell what waits the broker is asked, now and then; the answer is there at the next look. */
  #seenDepth(): number | null {
    const { port, consumer, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs < this.#askDepthMs) return this.#depth;
    this.#askDepthMs = nowMs + DEPTH_MS;
    const see = (depth: number | null): void => {
      this.#depth = depth;
    };
    port.depth(consumer).then(see, () => see(null));
    return this.#depth;
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
