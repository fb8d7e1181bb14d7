import type { ConfirmChannel, Message } from 'amqplib/callback_api';
import type { Timer } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import { HEADERS } from '../../messages/header-names.js';
import { ConfirmWindow } from './confirm-window.js';
import type { OpenConnection } from './open-connection.js';
import type { Parcel } from './parcel.js';
import { type RequestBounds, RpcChannel } from './rpc-channel.js';
import { batchWrites } from './write-batching.js';
import { parcelWriter, type WriteParcel } from './write-parcel.js';

/** What a session tells its publisher. */
export interface SessionEvents {
  confirmed(parcel: Parcel): void;
  nacked(parcel: Parcel): void;
  /** There may be room again: some were answered, or the buffer has drained. */
  ready(): void;
  /** The server closed the channel and left the connection open. */
  closed(reason: unknown): void;
}

/** What a session is made of. */
export interface SessionOptions {
  readonly connection: OpenConnection;
  readonly bounds: RequestBounds;
  /** Most delivery tags between the oldest unconfirmed parcel and the newest. */
  readonly span: number;
  readonly events: SessionEvents;
}

/** One confirm channel from its opening to its end, with the parcels that it has not confirmed. */
export class ConfirmSession {
  readonly #channel: RpcChannel<ConfirmChannel>;
  readonly #options: SessionOptions;
  readonly #window: ConfirmWindow;
  readonly #write: WriteParcel;
  readonly #batch: () => void;
  #isBufferFull = false;
  /** amqplib takes nothing more on it; the end is about to be told. */
  #isEnding = false;
  #lastAnswerMs = 0;
  #watchdog: Timer | null = null;

  private constructor(channel: RpcChannel<ConfirmChannel>, options: SessionOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#window = new ConfirmWindow(options.span);
    this.#write = parcelWriter(channel.client);
    this.#batch = batchWrites(options.connection.client.connection);
    this.#listen(channel.client);
  }

  static async open(options: SessionOptions): Promise<ConfirmSession> {
    const { connection, bounds } = options;
    const channel = await RpcChannel.open<ConfirmChannel>(
      connection,
      (callback) => connection.client.createConfirmChannel(callback),
      bounds,
    );
    return new ConfirmSession(channel, options);
  }

  /** Sent and unconfirmed. */
  get size(): number {
    return this.#window.size;
  }

  /** False while the server or the socket takes nothing, or one parcel that is confirmed late holds the window up. */
  get isWritable(): boolean {
    return this.isOpen && !this.#isBufferFull && !this.#options.connection.isBlocked && !this.#window.isFull;
  }

  get isOpen(): boolean {
    return this.#channel.isOpen && this.#options.connection.isOpen && !this.#isEnding;
  }

  /** Throws before a byte has left when AMQP cannot carry the message, or when the channel is about to end. */
  send(parcel: Parcel): void {
    if (this.#window.size === 0) this.#watch();
    this.#batch();
    try {
      this.#isBufferFull = !this.#write(parcel);
    } catch (error) {
      if ((error as Error)?.name === 'IllegalOperationError') this.#isEnding = true;
      throw error;
    }
    this.#window.add(parcel);
  }

  /** The oldest unconfirmed parcel. */
  oldest(): Parcel | null {
    return this.#window.find(() => true);
  }

  /** True if a parcel is unconfirmed that its owner still waits for. */
  isAwaited(): boolean {
    return this.#window.find(({ ticket }) => !ticket.isSettled) !== null;
  }

  /** Takes out everything unconfirmed, oldest first, and stops watching: the channel is of no use any more. */
  end(): Parcel[] {
    this.#watchdog?.cancel();
    return this.#window.takeAll();
  }

  /** The server reads again: its silence counts from now. */
  unblocked(): void {
    this.#lastAnswerMs = this.#options.bounds.clock.monotonicMs();
  }

  #listen(client: ConfirmChannel): void {
    const { events } = this.#options;
    client.on('ack', ({ deliveryTag, multiple }) => this.#answered(deliveryTag, multiple, events.confirmed));
    client.on('nack', ({ deliveryTag, multiple }) => this.#answered(deliveryTag, multiple, events.nacked));
    client.on('return', (message: Message) => this.#returned(message));
    client.on('drain', () => {
      this.#isBufferFull = false;
      events.ready();
    });
    // Without a reason the connection is ending, which is told by itself.
    client.on('close', () => {
      const { closeReason } = this.#channel;
      if (closeReason !== undefined) events.closed(closeReason);
    });
  }

  #answered(tag: number, isMultiple: boolean, visit: (parcel: Parcel) => void): void {
    this.#lastAnswerMs = this.#options.bounds.clock.monotonicMs();
    this.#window.take(tag, isMultiple, visit);
    this.#options.events.ready();
  }

  /** A return precedes its confirm; it carries no tag, but returns come in the order of publishing. */
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
    this.#lastAnswerMs = this.#options.bounds.clock.monotonicMs();
    this.#watchdog ??= this.#lookLater();
  }

  #lookLater(): Timer {
    const { bounds, connection } = this.#options;
    return bounds.clock.schedule(() => {
      this.#watchdog = null;
      if (this.#window.size === 0 || !this.isOpen) return;
      const silentMs = bounds.clock.monotonicMs() - this.#lastAnswerMs;
      if (silentMs < bounds.timeoutMs || connection.isBlocked) {
        this.#watchdog = this.#lookLater();
        return;
      }
      const what = `RabbitMQ confirmed nothing for ${Math.round(silentMs)} ms.`;
      connection.destroy(new BuscouplerError('BC_BROKER_UNAVAILABLE', what));
    }, bounds.timeoutMs / 2);
  }
}
