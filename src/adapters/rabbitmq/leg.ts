import type { ConsumeMessage } from 'amqplib/callback_api';
import type { Leg, LegSpec, LegState, LegStatus } from '../../contract/broker.js';
import type { Timer } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { Logger } from '../../contract/logger.js';
import { backoffDelayMs, wait } from '../../delivery/backoff.js';
import { queueOf } from '../../messages/names.js';
import { serverWords } from './errors.js';
import { Intake } from './intake.js';
import type { LinkUser, RabbitmqContext } from './link.js';
import { toIncoming } from './messages.js';
import type { Loss, OpenConnection } from './open-connection.js';
import { QueueCare } from './queue-care.js';
import type { RequestBounds } from './rpc-channel.js';
import { Subscription, type SubscriptionEvents } from './subscription.js';

/** AMQP's prefetch count is 16 bits. */
const PREFETCH_MAX = 65_535;

/** Delays between tries to subscribe again to a queue that refuses us. */
const BACKOFF = { initialMs: 200, factor: 2, maxMs: 10_000, jitter: 0.5 };

/** The depth of the queue is asked for again after this long, ms, when somebody wants to know the status. */
const DEPTH_AGE_MS = 3_000;

/** What a leg is given. */
export interface LegOptions {
  readonly context: RabbitmqContext;
  readonly logger: Logger;
  readonly spec: LegSpec;
  /** Asks how many messages wait in the queue; `null`: not known. Never rejects. */
  readonly depth: () => Promise<number | null>;
  /** Called when the leg has left. */
  readonly left: (leg: RabbitmqLeg) => void;
  /** Called when a message of this leg's queue has killed the connection that it shares. */
  readonly poisoned: (leg: RabbitmqLeg) => void;
}

/**
 * A consumer's queue, on a channel of its own. What it should be (fed or not, with which prefetch) and what it is are
 * brought together by one loop, so that pause, resume, capacity, loss and recovery never cross one another.
 */
export class RabbitmqLeg implements Leg, LinkUser {
  readonly broker = 'rabbitmq';
  readonly #options: LegOptions;
  readonly #queue: string;
  readonly #intake: Intake;
  readonly #care: QueueCare;
  #capacity: number;
  #connection: OpenConnection | null = null;
  #subscription: Subscription | null = null;
  #isPaused = false;
  #ending: 'no' | 'draining' | 'left' = 'no';
  #reason: BuscouplerError | null = null;
  /** Until the first consume-ok: who waits for it. */
  #starting: { resolve(): void; reject(error: BuscouplerError): void } | null = null;
  /** So many settlements long one delivery is taken at a time: that many were unacked when a connection died. */
  #caution = 0;
  /** Ready messages in the queue, as last seen, and when that was asked for. */
  #waiting: number | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #work: Promise<void> | null = null;
  #isDirty = false;
  #failures = 0;
  #retry: Timer | null = null;

  constructor(options: LegOptions) {
    this.#options = options;
    this.#queue = queueOf(options.spec.consumer);
    this.#capacity = options.spec.capacity;
    const { context, logger, spec } = options;
    this.#care = new QueueCare({ consumer: spec.consumer, emit: context.emit, logger });
    this.#intake = new Intake({
      hasRoom: () => !this.#isPaused && this.#unsettled() < this.#prefetch(),
      handOver: (message) => this.#handOver(message),
    });
  }

  /**
   * Resolves with the first consume-ok, however often the connection is lost before it; rejects with why the queue
   * cannot be consumed from.
   */
  start(connection: OpenConnection): Promise<void> {
    this.#connection = connection;
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
      this.#nudge();
    });
  }

  // -- the contract

  pause(): void {
    this.#isPaused = true;
    this.#nudge();
  }

  resume(): void {
    this.#isPaused = false;
    this.#intake.pour();
    this.#nudge();
  }

  setCapacity(capacity: number): void {
    this.#capacity = capacity;
    this.#intake.pour();
    this.#nudge();
  }

  status(): LegStatus {
    const reason = this.#reason?.message;
    this.#askDepth();
    return {
      state: this.#state(),
      unsettled: this.#unsettled(),
      waiting: this.#waiting,
      ...(reason !== undefined && { reason }),
    };
  }

  /** Only when somebody looks, and for the next look: the queue is not asked on behalf of nobody. */
  #askDepth(): void {
    const { context, depth } = this.#options;
    const now = context.clock.monotonicMs();
    if (this.#ending === 'left' || now - this.#askedAtMs < DEPTH_AGE_MS) return;
    this.#askedAtMs = now;
    void depth().then((waiting) => {
      this.#waiting = waiting;
    });
  }

  #state(): LegState {
    if (this.#ending === 'left') return 'stopped';
    if (this.#ending === 'draining') return 'draining';
    if (this.#reason !== null && this.#reason.code !== 'BC_BROKER_UNAVAILABLE') return 'failed';
    if (this.#isPaused) return 'paused';
    if (this.#starting !== null) return 'starting';
    // Changing the prefetch needs a moment without a consumer, which is no failure.
    const hasConsumed = this.#subscription !== null && this.#subscription.prefetch > 0;
    if (!hasConsumed || this.#care.isQueueGone) return 'recovering';
    return this.#options.spec.role === 'draining' ? 'draining' : 'live';
  }

  async drain(): Promise<void> {
    if (this.#ending === 'no') this.#ending = 'draining';
    this.#intake.clear();
    await this.#settleDown();
  }

  async detach({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.#leave(), wait(this.#options.context.clock, deadlineMs, over.signal)]);
    over.abort();
    this.#ending = 'left';
    this.#retry?.cancel();
    this.#starting?.reject(
      new BuscouplerError('BC_LIFECYCLE', `The consumer of "${this.#queue}" was stopped.`),
    );
    this.#subscription?.book.lose();
    this.#subscription = null;
    this.#options.left(this);
  }

  async #leave(): Promise<void> {
    await this.drain();
    await this.#subscription?.close();
  }

  // -- the link

  async linkUp(connection: OpenConnection): Promise<void> {
    this.#connection = connection;
    this.#nudge();
  }

  linkDown(loss: Loss): void {
    this.#connection = null;
    this.#care.connectionLost();
    const isCulprit = loss.isPoison && this.#subscription?.isMidMessage === true;
    // What the server had sent is not known then: most of it never came to be delivered.
    this.#lose(loss.error, isCulprit ? this.#capacity : 0);
    if (isCulprit) this.#options.poisoned(this);
  }

  /** The channel is gone. What was out comes back one at a time: one of them may kill whoever takes it. */
  #lose(error: BuscouplerError, suspects: number): void {
    const subscription = this.#subscription;
    const unacked = (subscription?.book.unacked ?? 0) + this.#intake.size;
    this.#subscription = null;
    this.#intake.clear();
    subscription?.book.lose();
    if (this.#ending !== 'no') return;
    this.#reason ??= error;
    this.#caution = Math.max(this.#caution, unacked, suspects);
  }

  // -- bringing together what is and what should be

  #nudge(): void {
    this.#isDirty = true;
    this.#work ??= this.#run().finally(() => {
      this.#work = null;
      if (this.#isDirty) this.#nudge();
    });
  }

  /** Resolves when the loop has come to rest. */
  async #settleDown(): Promise<void> {
    this.#nudge();
    while (this.#work !== null) await this.#work;
  }

  async #run(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false;
      try {
        await this.#adjust();
      } catch (error) {
        this.#failed(error as BuscouplerError);
      }
    }
  }

  /** One step towards what should be; anything that changed meanwhile causes another round. */
  async #adjust(): Promise<void> {
    const isWanted = !this.#isPaused && this.#ending === 'no';
    const prefetch = this.#prefetch();
    const current = this.#subscription;
    if (current !== null && (!isWanted || current.prefetch !== prefetch)) await current.cancel();
    const connection = this.#connection;
    if (!isWanted || connection === null) return;
    await this.#care.look({ connection, bounds: this.#bounds() });
    this.#subscription ??= await this.#subscribe(connection);
    if (!this.#subscription.isConsuming) await this.#subscription.consume(prefetch);
  }

  #prefetch(): number {
    return this.#caution > 0 ? 1 : Math.min(Math.max(1, this.#capacity), PREFETCH_MAX);
  }

  #bounds(): RequestBounds {
    const { clock, settings } = this.#options.context;
    return { clock, timeoutMs: settings.requestTimeoutMs };
  }

  async #subscribe(connection: OpenConnection): Promise<Subscription> {
    let isCurrent = (): boolean => true;
    const events: SubscriptionEvents = {
      fed: () => this.#fed(),
      arrived: (message) => isCurrent() && this.#ending === 'no' && this.#intake.add(message),
      cancelled: () => this.#cancelled(),
      settled: () => this.#settled(),
      closed: (reason) => isCurrent() && this.#closed(reason),
    };
    const bounds = this.#bounds();
    const subscription = await Subscription.open({ connection, bounds, queue: this.#queue, events });
    isCurrent = () => subscription === this.#subscription;
    return subscription;
  }

  #fed(): void {
    this.#failures = 0;
    this.#reason = null;
    this.#starting?.resolve();
    this.#starting = null;
  }

  /** The server refused the queue. A lost connection comes back by itself; anything else is told and tried again. */
  #failed(error: BuscouplerError): void {
    const { context, spec } = this.#options;
    if (this.#subscription?.isOpen === false) this.#subscription = null;
    if (this.#ending !== 'no') return;
    const isLoss = error.code === 'BC_BROKER_UNAVAILABLE';
    const isNews = this.#reason?.message !== error.message;
    this.#reason = error;
    if (error.code === 'BC_PLACE_MISSING') this.#care.queueGone();
    if (this.#starting !== null && !isLoss) {
      this.#starting.reject(error);
      return;
    }
    if (isNews && !isLoss) {
      context.emit('consumer-failed', { consumer: spec.consumer.name, broker: 'rabbitmq', error });
    }
    this.#failures += 1;
    const delayMs = backoffDelayMs(BACKOFF, this.#failures, context.random);
    this.#retry?.cancel();
    this.#retry = context.clock.schedule(() => this.#nudge(), delayMs, { keepAlive: true });
  }

  #cancelled(): void {
    this.#care.queueGone();
    this.#nudge();
  }

  /** The server closed the channel (an ack that came too late, a protocol error): a new one is opened. */
  #closed(reason: unknown): void {
    const what = `The channel of "${this.#queue}" was closed: ${serverWords(reason)}.`;
    this.#lose(new BuscouplerError('BC_BROKER_UNAVAILABLE', what), 0);
    this.#nudge();
  }

  // -- deliveries

  #unsettled(): number {
    return this.#subscription?.book.unsettled ?? 0;
  }

  #handOver(message: ConsumeMessage): void {
    const { spec, logger } = this.#options;
    const book = this.#subscription?.book;
    if (book === undefined) return;
    try {
      spec.deliver(book.add(message.fields.deliveryTag, toIncoming(message, this.#queue)));
    } catch (error) {
      // A throw would reach amqplib, which closes the channel for it.
      logger.error({ err: error, consumer: spec.consumer.name }, 'a delivery could not be handed over');
    }
  }

  #settled(): void {
    if (this.#caution > 0) {
      this.#caution -= 1;
      if (this.#caution === 0) this.#nudge();
    }
    this.#intake.pour();
  }
}
