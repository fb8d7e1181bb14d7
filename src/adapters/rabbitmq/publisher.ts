import type { ConfirmChannel, Message } from 'amqplib/callback_api';
import { type Destination, type Publisher, type PublishTicket, STORED } from '../../contract/broker.js';
import type { Timer } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { PublishBounds } from '../../contract/settings.js';
import { HEADERS } from '../../messages/header-names.js';
import { blame } from './blame.js';
import { ConfirmWindow } from './confirm-window.js';
import { REPLY } from './errors.js';
import { ExchangeGate } from './exchange-gate.js';
import type { LinkUser, RabbitmqContext } from './link.js';
import { headerBytes } from './messages.js';
import type { Loss, OpenConnection } from './open-connection.js';
import { type Parcel, refuseTicket, settleRefused } from './parcel.js';
import { ParcelQueue } from './parcel-queue.js';
import { RpcChannel } from './rpc-channel.js';
import { type Target, targetOf } from './target.js';
import { writeParcel } from './write-parcel.js';

const MIB = 1024 * 1024;

/** Largest header table, bytes: amqplib encodes it into 64 KiB, of which the other properties take some. */
const HEADERS_MAX_BYTES = 64 * 1024 - 2048;

/** How long the server's refusal of an exchange is believed without asking again, ms. */
const REFUSAL_MS = 1000;

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
}

/**
 * Publishes on one confirm channel: a bounded window of unconfirmed parcels, a bounded queue behind it. What is
 * unconfirmed when the channel dies is sent again, in order and with the same ids, on the next one.
 */
export class RabbitmqPublisher implements LinkUser {
  readonly #context: RabbitmqContext;
  readonly #bounds: PublishBounds;
  readonly #gate: ExchangeGate;
  readonly #window: ConfirmWindow;
  readonly #waiting = new ParcelQueue();
  #channel: RpcChannel<ConfirmChannel> | null = null;
  #connection: OpenConnection | null = null;
  #maxMessageBytes = 16 * MIB;
  /** Bytes of everything that is held. */
  #bytes = 0;
  #isSocketFull = false;
  #isClosed = false;
  /** So many of the waiting parcels are sent one at a time: one of them closed a channel. */
  #suspects = 0;
  #isAlone = false;
  #lastConfirmMs = 0;
  #lastSweepMs = Number.NEGATIVE_INFINITY;
  #watchdog: Timer | null = null;

  constructor({ context, bounds, otherConnection }: PublisherOptions) {
    this.#context = context;
    this.#bounds = bounds;
    this.#window = new ConfirmWindow(bounds.maxInFlight * 2);
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
  }

  /** Publishes taken and not confirmed. */
  get pending(): number {
    return this.#window.size + this.#waiting.size + this.#gate.size;
  }

  get isBlocked(): boolean {
    return this.#connection?.isBlocked ?? false;
  }

  publisher(destination: Destination): Publisher {
    const target = targetOf(destination, (exchange, isChecked) => this.#gate.stateOf(exchange, isChecked));
    const maxMessageBytes = (): number => this.#maxMessageBytes;
    return {
      get maxMessageBytes() {
        return maxMessageBytes();
      },
      publish: (ticket) => this.#accept(target, ticket),
    };
  }

  #requestBounds() {
    return { clock: this.#context.clock, timeoutMs: this.#context.settings.requestTimeoutMs };
  }

  #accept(target: Target, ticket: PublishTicket): void {
    if (ticket.isSettled) return;
    const { message } = ticket;
    const headers = headerBytes(message.headers);
    const body = message.body === null ? 0 : message.body.length;
    const bytes = headers + body;
    const problem = this.#problem({ headers, body });
    if (problem !== null) {
      refuseTicket(ticket, ...problem);
      return;
    }
    let routingKey: string;
    try {
      routingKey = target.routingKeyOf(message);
    } catch (error) {
      const what = `The routing key function of ${target.label} threw.`;
      refuseTicket(ticket, 'BC_MESSAGE_INVALID', what, error);
      return;
    }
    this.#bytes += bytes;
    const parcel: Parcel = { ticket, target, routingKey, bytes, isReturned: false, isResent: false };
    if (this.#waiting.size === 0 && this.#canSend()) this.#dispatch(parcel);
    else this.#waiting.push(parcel);
  }

  #problem({
    headers,
    body,
  }: {
    headers: number;
    body: number;
  }): ['BC_LIFECYCLE' | 'BC_MESSAGE_TOO_LARGE' | 'BC_PUBLISH_OVERFLOW', string] | null {
    if (this.#isClosed) return ['BC_LIFECYCLE', 'The connection to RabbitMQ was closed.'];
    if (body > this.#maxMessageBytes) {
      return ['BC_MESSAGE_TOO_LARGE', `A body of ${body} bytes; RabbitMQ takes ${this.#maxMessageBytes}.`];
    }
    const headersMax = Math.min(HEADERS_MAX_BYTES, (this.#connection?.frameMax ?? HEADERS_MAX_BYTES) - 1024);
    if (headers > headersMax) {
      return ['BC_MESSAGE_TOO_LARGE', `Headers of ${headers} bytes; RabbitMQ takes ${headersMax}.`];
    }
    return this.#hasRoom(headers + body)
      ? null
      : ['BC_PUBLISH_OVERFLOW', `${this.pending} messages wait for RabbitMQ; more are not kept.`];
  }

  #hasRoom(bytes: number): boolean {
    const { maxWaiting, maxBytes } = this.#bounds;
    const fits = (): boolean => {
      const isShort = this.#waiting.size + this.#gate.size < maxWaiting || this.#canSend();
      return isShort && (this.#bytes === 0 || this.#bytes + bytes <= maxBytes);
    };
    if (fits()) return true;
    this.#sweep();
    return fits();
  }

  /** Lets go of waiting tickets that their owner has settled; not more often than it pays. */
  #sweep(): void {
    const now = this.#context.clock.monotonicMs();
    if (now - this.#lastSweepMs < SWEEP_PAUSE_MS) return;
    this.#lastSweepMs = now;
    const isWanted = (parcel: Parcel): boolean => {
      if (!parcel.ticket.isSettled) return true;
      this.#release(parcel);
      return false;
    };
    this.#waiting.keep(isWanted);
    this.#gate.keep(isWanted);
    this.#suspects = Math.min(this.#suspects, this.#waiting.size);
  }

  #release(parcel: Parcel): void {
    this.#bytes -= parcel.bytes;
  }

  #refuse(parcel: Parcel, error: BuscouplerError): void {
    this.#release(parcel);
    settleRefused(parcel, error);
  }

  #canSend(): boolean {
    if (this.#channel === null || this.#isSocketFull || this.isBlocked) return false;
    if (this.#suspects > 0 || this.#isAlone) return this.#window.size === 0;
    return this.#window.size < this.#bounds.maxInFlight && !this.#window.isFull;
  }

  #pump(): void {
    while (this.#waiting.size > 0 && this.#canSend()) this.#dispatch(this.#waiting.shift() as Parcel);
  }

  /** Sends one parcel that may go now, unless its exchange is not known to be good. */
  #dispatch(parcel: Parcel): void {
    this.#isAlone = this.#suspects > 0;
    if (this.#isAlone) this.#suspects -= 1;
    if (parcel.ticket.isSettled) {
      this.#release(parcel);
      return;
    }
    if (this.#gate.isShut(parcel)) return;
    if (this.#window.size === 0) this.#watch();
    const isFirstTry = !parcel.ticket.wasSent;
    parcel.ticket.wasSent = true;
    try {
      const channel = this.#channel as RpcChannel<ConfirmChannel>;
      this.#isSocketFull = !writeParcel(channel.client, parcel);
      this.#window.add(parcel);
    } catch (error) {
      // amqplib encodes before it writes: nothing of it has left
      if (isFirstTry) parcel.ticket.wasSent = false;
      this.#couldNotWrite(parcel, error);
    }
  }

  #couldNotWrite(parcel: Parcel, thrown: unknown): void {
    if (this.#channel?.isOpen !== true || (thrown as Error)?.name === 'IllegalOperationError') {
      this.#channel = null; // its end is about to be told
      this.#waiting.unshift([parcel]);
      return;
    }
    const isLarge = thrown instanceof RangeError && thrown.message.startsWith('Encoded field table');
    const code = isLarge ? 'BC_MESSAGE_TOO_LARGE' : 'BC_MESSAGE_INVALID';
    this.#refuse(parcel, new BuscouplerError(code, 'AMQP cannot carry the message.', { cause: thrown }));
  }

  // -- what the server answers

  readonly #confirmed = (parcel: Parcel): void => {
    this.#release(parcel);
    if (parcel.isReturned) {
      settleRefused(parcel, unroutable(parcel));
      return;
    }
    parcel.target.exchange.hasStored = true;
    parcel.ticket.settle(STORED);
  };

  readonly #refused = (parcel: Parcel): void => {
    this.#release(parcel);
    const { target, isResent } = parcel;
    const error = new BuscouplerError(
      'BC_PUBLISH_REFUSED',
      `RabbitMQ refused a message for ${target.label}.`,
    );
    // Behind an exchange one full queue refuses what another one has stored.
    parcel.ticket.settle({ status: target.isOneQueue && !isResent ? 'failed' : 'uncertain', error });
  };

  #answered(tag: number, isMultiple: boolean, visit: (parcel: Parcel) => void): void {
    this.#lastConfirmMs = this.#context.clock.monotonicMs();
    this.#window.take(tag, isMultiple, visit);
    this.#pump();
  }

  /** A return precedes its confirm; it carries no tag, but ids come back in the order of publishing. */
  #returned(message: Message): void {
    const { exchange, routingKey } = message.fields;
    const id: unknown = message.properties.messageId ?? message.properties.headers?.[HEADERS.id];
    const parcel = this.#window.find(
      (one) =>
        !one.isReturned &&
        one.ticket.message.id === id &&
        one.routingKey === routingKey &&
        one.target.exchange.exchange === exchange,
    );
    if (parcel !== null) parcel.isReturned = true;
  }

  /** A channel that confirms nothing for a whole request deadline is dead, whatever TCP says. */
  #watch(): void {
    const { clock, settings } = this.#context;
    this.#lastConfirmMs = clock.monotonicMs();
    this.#watchdog ??= clock.schedule(() => {
      this.#watchdog = null;
      if (this.#window.size === 0) return;
      const silentMs = clock.monotonicMs() - this.#lastConfirmMs;
      if (silentMs >= settings.requestTimeoutMs && !this.isBlocked) {
        const what = `RabbitMQ confirmed nothing for ${Math.round(silentMs)} ms.`;
        this.#connection?.destroy(new BuscouplerError('BC_BROKER_UNAVAILABLE', what));
        return;
      }
      const last = this.#lastConfirmMs;
      this.#watch();
      if (!this.isBlocked) this.#lastConfirmMs = last;
    }, settings.requestTimeoutMs / 2);
  }

  // -- life of the channel

  async linkUp(connection: OpenConnection): Promise<void> {
    const major = Number.parseInt(connection.serverVersion, 10);
    this.#maxMessageBytes = major < 4 ? 128 * MIB : 16 * MIB;
    this.#connection = connection;
    await this.#open(connection);
    this.#gate.askAll();
    this.#pump();
  }

  async #open(connection: OpenConnection): Promise<void> {
    const channel = await RpcChannel.open<ConfirmChannel>(
      connection,
      (callback) => connection.client.createConfirmChannel(callback),
      this.#requestBounds(),
    );
    const { client } = channel;
    client.on('ack', ({ deliveryTag, multiple }) => this.#answered(deliveryTag, multiple, this.#confirmed));
    client.on('nack', ({ deliveryTag, multiple }) => this.#answered(deliveryTag, multiple, this.#refused));
    client.on('return', (message: Message) => this.#returned(message));
    client.on('drain', () => {
      this.#isSocketFull = false;
      this.#pump();
    });
    client.on('close', () => this.#channelClosed(channel));
    this.#isSocketFull = false;
    this.#channel = channel;
  }

  /** The server closed the channel alone: only whom it names is at fault, everybody else is sent again. */
  #channelClosed(channel: RpcChannel<ConfirmChannel>): void {
    if (channel.connection !== this.#connection || channel.closeReason === undefined || this.#isClosed)
      return;
    this.#channel = null;
    const alone = this.#isAlone ? this.#window.find(() => true) : null;
    const parcels = this.#takeUnsettled();
    this.#judge(channel.closeReason, parcels, alone);
    const { clock } = this.#context;
    if (parcels.length > 0) this.#reopen(channel.connection);
    else clock.schedule(() => this.#reopen(channel.connection), REOPEN_PAUSE_MS, { keepAlive: true });
  }

  #reopen(connection: OpenConnection): void {
    if (connection !== this.#connection || this.#isClosed) return;
    this.#open(connection).then(
      () => this.#pump(),
      (error: BuscouplerError) => connection.destroy(error),
    );
  }

  #takeUnsettled(): Parcel[] {
    return this.#window.takeAll().filter((parcel) => {
      parcel.isReturned = false;
      if (parcel.ticket.isSettled) this.#release(parcel);
      return !parcel.ticket.isSettled;
    });
  }

  #judge(reason: unknown, parcels: readonly Parcel[], alone: Parcel | null): void {
    const verdict = blame(reason, parcels, alone);
    const isLarge = (parcel: Parcel): boolean =>
      verdict.kind === 'too-large' && (parcel.ticket.message.body?.length ?? 0) > verdict.maxBytes;
    const culprits = 'culprits' in verdict ? verdict.culprits : parcels.filter(isLarge);
    const isCertain = culprits.length === 1 || !culprits[0]?.target.exchange.hasStored;
    const others = parcels.filter((parcel) => !culprits.includes(parcel));
    for (const parcel of others) parcel.isResent = true;
    this.#waiting.unshift(others);
    if (verdict.kind === 'unknown') this.#suspects += others.length;
    if (verdict.kind === 'too-large') this.#maxMessageBytes = verdict.maxBytes;
    for (const parcel of culprits) {
      // The server stores in order: of several messages for one exchange the first may have been stored.
      if (!isCertain && verdict.kind !== 'too-large') parcel.isResent = true;
      if (verdict.kind === 'exchange-missing') this.#gate.doubt(parcel);
      else this.#refuse(parcel, (verdict as { error: BuscouplerError }).error);
    }
    if (verdict.kind === 'refused' && alone === null) {
      const untilMs = this.#context.clock.monotonicMs() + REFUSAL_MS;
      for (const { target } of culprits) target.exchange.refusal = { error: verdict.error, untilMs };
    }
  }

  linkDown(loss: Loss): void {
    this.#connection = null;
    this.#channel = null;
    const alone = this.#isAlone ? this.#window.find(() => true) : null;
    const parcels = this.#takeUnsettled();
    if (loss.replyCode !== null && isOurFault(loss.replyCode)) {
      this.#judge(loss.error.cause, parcels, alone);
      return;
    }
    if (this.#isAlone) this.#suspects += parcels.length;
    for (const parcel of parcels) parcel.isResent = true;
    this.#waiting.unshift(parcels);
  }

  linkUnblocked(): void {
    this.#lastConfirmMs = this.#context.clock.monotonicMs();
    this.#pump();
  }

  /** Waits until everything is settled or the deadline has passed, then settles the rest. Takes nothing any more. */
  async close(deadlineMs: number): Promise<void> {
    const { clock } = this.#context;
    const endMs = clock.monotonicMs() + deadlineMs;
    const isIdle = (): boolean => {
      this.#sweep();
      return (
        this.#waiting.size + this.#gate.size === 0 &&
        this.#window.find((one) => !one.ticket.isSettled) === null
      );
    };
    while (!isIdle() && clock.monotonicMs() < endMs) {
      await new Promise<void>((resolve) => {
        clock.schedule(resolve, CLOSE_LOOK_MS, { keepAlive: true });
      });
    }
    this.#isClosed = true;
    this.#watchdog?.cancel();
    const rest = this.#window.takeAll();
    for (let parcel = this.#waiting.shift(); parcel !== null; parcel = this.#waiting.shift())
      rest.push(parcel);
    rest.push(...this.#gate.takeAll());
    for (const { ticket } of rest) {
      const error = new BuscouplerError('BC_LIFECYCLE', 'RabbitMQ did not confirm before the bus closed.');
      ticket.settle({ status: ticket.wasSent ? 'uncertain' : 'failed', error });
    }
  }
}

function unroutable({ target, routingKey }: Parcel): BuscouplerError {
  return target.isOneQueue
    ? new BuscouplerError('BC_PLACE_MISSING', `The ${target.label} does not exist.`)
    : new BuscouplerError('BC_UNROUTABLE', `No queue is bound to the ${target.label} for "${routingKey}".`);
}

/** Codes with which the server closes a whole connection because of what we sent: 501 to 541 without 530 (vhost). */
const isOurFault = (replyCode: number): boolean =>
  replyCode >= 501 && replyCode <= REPLY.internalError && replyCode !== 530;
