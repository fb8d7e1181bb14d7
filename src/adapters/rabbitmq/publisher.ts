import type { Destination, Publisher, PublishTicket } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { BuscouplerError, type ErrorCode } from '../../contract/errors.js';
import type { PublishBounds } from '../../contract/settings.js';
import { blame } from './blame.js';
import { ConfirmSession, type SessionEvents } from './confirm-session.js';
import { isOurFault } from './errors.js';
import { ExchangeGate } from './exchange-gate.js';
import type { LinkUser, RabbitmqContext } from './link.js';
import { headerBytes } from './messages.js';
import type { Loss, OpenConnection } from './open-connection.js';
import {
  type Parcel,
  refuseTicket,
  settleConfirmed,
  settleNacked,
  settleRefused,
  type Target,
} from './parcel.js';
import { ParcelQueue } from './parcel-queue.js';
import { limitsOf, type PublishLimits, sizeProblem, UNKNOWN_LIMITS } from './publish-limits.js';
import type { RequestBounds } from './rpc-channel.js';
import { targetOf } from './target.js';

/** How long the server's refusal of an exchange is believed without asking again, ms. */
const REFUSAL_MS = 1000;

/** After a lost connection the server, or whoever consumes, has so long to bind queues again, ms. */
const UNBOUND_MS = 5000;

/** Pause before a channel is opened again that died without anything under way, ms. */
const REOPEN_PAUSE_MS = 1000;

/** How often `close` looks whether everything is settled, ms. */
const CLOSE_LOOK_MS = 20;

/** Shortest pause between two searches for tickets that their owner has settled while they wait, ms. */
const SWEEP_PAUSE_MS = 20;

/** What the publisher is given beside the context of all. */
export interface PublisherOptions {
  readonly context: RabbitmqContext;
  readonly bounds: PublishBounds;
  /** A connection to ask about exchanges on, if there is one beside the publisher's own. */
  readonly otherConnection: () => OpenConnection | null;
  /** Called when a copy for this consumer was returned, as its queue does not exist. */
  readonly missing: (consumer: AnyConsumer) => void;
}

/**
 * Publishes on one confirm channel: a bounded window of unconfirmed parcels, a bounded queue behind it. What is
 * unconfirmed when the channel dies is sent again, in order and with the same ids, on the next one.
 */
export class RabbitmqPublisher implements LinkUser {
  readonly #context: RabbitmqContext;
  readonly #bounds: PublishBounds;
  readonly #gate: ExchangeGate;
  readonly #waiting = new ParcelQueue();
  readonly #events: SessionEvents;
  readonly #missing: (consumer: AnyConsumer) => void;
  #session: ConfirmSession | null = null;
  #connection: OpenConnection | null = null;
  #limits: PublishLimits = UNKNOWN_LIMITS;
  /** Bytes of everything that is held. */
  #bytes = 0;
  #isClosing = false;
  #isClosed = false;
  #wasLost = false;
  /** Until then no queue at an exchange that had one is believed to be a passing state (monotonic ms). */
  #unboundUntilMs = Number.NEGATIVE_INFINITY;
  /** So many of the waiting parcels are sent one at a time: one of them closed a channel. */
  #suspects = 0;
  #isAlone = false;
  #lastSweepMs = Number.NEGATIVE_INFINITY;

  constructor({ context, bounds, otherConnection, missing }: PublisherOptions) {
    this.#context = context;
    this.#bounds = bounds;
    this.#missing = missing;
    this.#gate = new ExchangeGate({
      clock: context.clock,
      access: () => {
        const connection = otherConnection() ?? this.#connection;
        return connection && { connection, bounds: this.#requestBounds() };
      },
      open: (parcels) => {
        for (const parcel of parcels) this.#waiting.push(parcel);
        this.#pump();
      },
      refuse: (parcel, error) => this.#refuse(parcel, error),
    });
    this.#events = {
      confirmed: (parcel) => this.#confirmed(parcel),
      nacked: (parcel) => this.#answered(parcel, settleNacked),
      ready: () => this.#pump(),
      closed: (reason) => this.#channelClosed(reason),
    };
  }

  /** Publishes taken and not answered. */
  get pending(): number {
    return (this.#session?.size ?? 0) + this.#waiting.size + this.#gate.size;
  }

  get isBlocked(): boolean {
    return this.#connection?.isBlocked ?? false;
  }

  publisher(destination: Destination): Publisher {
    const base = targetOf(destination, (exchange, isKnown) => this.#gate.stateOf(exchange, isKnown));
    const target = destination.kind === 'retry' ? this.#restoring(base, destination.consumer) : base;
    const maxMessageBytes = (): number => this.#limits.bodyBytes;
    return {
      get maxMessageBytes() {
        return maxMessageBytes();
      },
      publish: (ticket) => this.#accept(target, ticket),
    };
  }

  /** The places of retries are ours: what is missing is created again. Dead-letter queues are an operator's to lose. */
  #restoring(target: Target, consumer: AnyConsumer): Target {
    return { ...target, isMissing: () => this.#missing(consumer) };
  }

  #requestBounds(): RequestBounds {
    return { clock: this.#context.clock, timeoutMs: this.#context.settings.requestTimeoutMs };
  }

  // -- taking tickets

  #accept(target: Target, ticket: PublishTicket): void {
    if (ticket.isSettled) return;
    const { message } = ticket;
    const headers = headerBytes(message.headers);
    const body = message.body === null ? 0 : message.body.length;
    const bytes = headers + body;
    const problem = this.#isClosing
      ? CLOSED
      : (sizeProblem(body, headers, this.#limits) ?? this.#overflow(bytes));
    if (problem !== null) {
      refuseTicket(ticket, problem[0], problem[1]);
      return;
    }
    let routingKey: string;
    try {
      routingKey = target.routingKeyOf(message);
    } catch (error) {
      refuseTicket(
        ticket,
        'BC_MESSAGE_INVALID',
        `The routing key function of the ${target.label} threw.`,
        error,
      );
      return;
    }
    this.#bytes += bytes;
    const parcel: Parcel = { ticket, target, routingKey, bytes, isReturned: false, isResent: false };
    if (this.#waiting.size === 0 && this.#canSend()) this.#dispatch(parcel);
    else this.#waiting.push(parcel);
  }

  #overflow(bytes: number): readonly [ErrorCode, string] | null {
    if (this.#hasRoom(bytes)) return null;
    this.#sweep();
    if (this.#hasRoom(bytes)) return null;
    return ['BC_PUBLISH_OVERFLOW', `${this.pending} messages wait for RabbitMQ; more are not kept.`];
  }

  #hasRoom(bytes: number): boolean {
    const { maxWaiting, maxBytes } = this.#bounds;
    if (this.#bytes > 0 && this.#bytes + bytes > maxBytes) return false;
    return this.#waiting.size + this.#gate.size < maxWaiting || (this.#waiting.size === 0 && this.#canSend());
  }

  /** Lets go of waiting tickets that their owner has settled; not more often than it pays. */
  #sweep(): void {
    const now = this.#context.clock.monotonicMs();
    if (now - this.#lastSweepMs < SWEEP_PAUSE_MS) return;
    this.#lastSweepMs = now;
    const isWanted = (parcel: Parcel): boolean => {
      if (parcel.ticket.isSettled) this.#bytes -= parcel.bytes;
      return !parcel.ticket.isSettled;
    };
    this.#waiting.keep(isWanted);
    this.#gate.keep(isWanted);
    this.#suspects = Math.min(this.#suspects, this.#waiting.size);
  }

  // -- sending them

  #canSend(): boolean {
    const session = this.#session;
    if (session === null || !session.isWritable) return false;
    return this.#suspects > 0 || this.#isAlone ? session.size === 0 : session.size < this.#bounds.maxInFlight;
  }

  #pump(): void {
    while (this.#waiting.size > 0 && this.#canSend()) this.#dispatch(this.#waiting.shift() as Parcel);
  }

  /** Sends one parcel that may go now, unless its exchange is not known to be good. */
  #dispatch(parcel: Parcel): void {
    this.#isAlone = this.#suspects > 0;
    if (this.#isAlone) this.#suspects -= 1;
    const { ticket } = parcel;
    if (ticket.isSettled) {
      this.#bytes -= parcel.bytes;
      return;
    }
    if (this.#gate.isShut(parcel)) return;
    const isFirstTry = !ticket.wasSent;
    ticket.wasSent = true;
    try {
      this.#session?.send(parcel);
    } catch (error) {
      // amqplib encodes before it writes: nothing of it has left
      if (isFirstTry) ticket.wasSent = false;
      this.#couldNotSend(parcel, error);
    }
  }

  #couldNotSend(parcel: Parcel, thrown: unknown): void {
    if (this.#session?.isOpen !== true) {
      // The channel is ending and about to say so; what is unconfirmed on it goes before this one then.
      this.#waiting.unshift([parcel]);
      return;
    }
    const isLarge = (thrown as Error)?.message?.startsWith('Encoded field table') === true;
    const code = isLarge ? 'BC_MESSAGE_TOO_LARGE' : 'BC_MESSAGE_INVALID';
    this.#refuse(parcel, new BuscouplerError(code, 'AMQP cannot carry the message.', { cause: thrown }));
  }

  // -- what becomes of them

  #confirmed(parcel: Parcel): void {
    if (parcel.isReturned && this.#isUnboundYet(parcel.target)) {
      parcel.isReturned = false;
      this.#gate.hold(parcel);
    } else this.#answered(parcel, settleConfirmed);
  }

  /** A server that comes back may route before its bindings are there again; a consumer's leg makes lost ones anew. */
  #isUnboundYet({ isOneQueue, exchange }: Target): boolean {
    return !isOneQueue && exchange.hasStored && this.#context.clock.monotonicMs() < this.#unboundUntilMs;
  }

  #answered(parcel: Parcel, settle: (parcel: Parcel) => void): void {
    this.#bytes -= parcel.bytes;
    settle(parcel);
  }

  #refuse(parcel: Parcel, error: BuscouplerError): void {
    this.#bytes -= parcel.bytes;
    settleRefused(parcel, error);
  }

  // -- life of the channel

  async linkUp(connection: OpenConnection): Promise<void> {
    this.#limits = limitsOf(connection);
    this.#connection = connection;
    if (this.#wasLost) this.#unboundUntilMs = this.#context.clock.monotonicMs() + UNBOUND_MS;
    await this.#open(connection);
    this.#gate.askAll();
    this.#pump();
  }

  async #open(connection: OpenConnection): Promise<void> {
    const session = await ConfirmSession.open({
      connection,
      bounds: this.#requestBounds(),
      span: this.#bounds.maxInFlight * 2,
      events: this.#events,
    });
    if (connection === this.#connection) this.#session = session;
  }

  /** The server closed the channel alone: only whom it names is at fault, everybody else is sent again. */
  #channelClosed(reason: unknown): void {
    const connection = this.#connection;
    if (this.#isClosed || connection === null) return;
    const { parcels, alone } = this.#takeUnconfirmed();
    this.#judge(reason, parcels, alone);
    const reopen = (): void => this.#reopen(connection);
    if (parcels.length > 0) reopen();
    else this.#context.clock.schedule(reopen, REOPEN_PAUSE_MS, { keepAlive: true });
  }

  #reopen(connection: OpenConnection): void {
    if (connection !== this.#connection || this.#isClosed) return;
    this.#open(connection).then(
      () => this.#pump(),
      (error: BuscouplerError) => connection.destroy(error),
    );
  }

  #takeUnconfirmed(): { parcels: Parcel[]; alone: Parcel | null } {
    const session = this.#session;
    this.#session = null;
    const alone = this.#isAlone ? (session?.oldest() ?? null) : null;
    const parcels = (session?.end() ?? []).filter((parcel) => {
      parcel.isReturned = false;
      if (parcel.ticket.isSettled) this.#bytes -= parcel.bytes;
      return !parcel.ticket.isSettled;
    });
    return { parcels, alone };
  }

  #judge(reason: unknown, parcels: readonly Parcel[], alone: Parcel | null): void {
    const verdict = blame(reason, parcels, alone);
    const culprits = new Set<Parcel>(verdict.culprits);
    this.#sendAgain(parcels.filter((parcel) => !culprits.has(parcel)));
    if (verdict.kind === 'unknown') this.#suspects += parcels.length;
    if (verdict.kind === 'too-large') this.#limits = { ...this.#limits, bodyBytes: verdict.maxBytes };
    for (const parcel of culprits) {
      if (verdict.kind === 'exchange-missing') this.#gate.doubt(parcel);
      else if ('error' in verdict) this.#refuse(parcel, verdict.error);
      if (verdict.kind !== 'exchange-refused') continue;
      const untilMs = this.#context.clock.monotonicMs() + REFUSAL_MS;
      parcel.target.exchange.refusal = { error: verdict.error, untilMs };
    }
  }

  #sendAgain(parcels: readonly Parcel[]): void {
    for (const parcel of parcels) parcel.isResent = true;
    this.#waiting.unshift(parcels);
  }

  linkDown(loss: Loss): void {
    this.#connection = null;
    this.#wasLost = true;
    const { parcels, alone } = this.#takeUnconfirmed();
    if (loss.replyCode !== null && isOurFault(loss.replyCode)) {
      this.#judge(loss.error.cause, parcels, alone);
      return;
    }
    if (this.#isAlone) this.#suspects += parcels.length;
    this.#sendAgain(parcels);
  }

  linkUnblocked(): void {
    this.#session?.unblocked();
    this.#pump();
  }

  /** Takes nothing any more; waits until everything is settled or the deadline has passed, then settles the rest. */
  async close(deadlineMs: number): Promise<void> {
    const { clock } = this.#context;
    const endMs = clock.monotonicMs() + deadlineMs;
    this.#isClosing = true;
    while (this.#isAwaited() && clock.monotonicMs() < endMs) {
      await new Promise<void>((resolve) => {
        clock.schedule(resolve, CLOSE_LOOK_MS, { keepAlive: true });
      });
    }
    this.#isClosed = true;
    const rest = this.#session?.end() ?? [];
    for (let parcel = this.#waiting.shift(); parcel !== null; parcel = this.#waiting.shift())
      rest.push(parcel);
    for (const { ticket } of [...rest, ...this.#gate.takeAll()]) {
      const error = new BuscouplerError('BC_LIFECYCLE', 'RabbitMQ did not confirm before the bus closed.');
      ticket.settle({ status: ticket.wasSent ? 'uncertain' : 'failed', error });
    }
  }

  #isAwaited(): boolean {
    this.#sweep();
    return this.#waiting.size + this.#gate.size > 0 || this.#session?.isAwaited() === true;
  }
}

const CLOSED = ['BC_LIFECYCLE', 'The connection to RabbitMQ was closed.'] as const;
