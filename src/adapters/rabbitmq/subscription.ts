import type { Channel, ConsumeMessage } from 'amqplib/callback_api';
import { AckBook } from './ack-book.js';
import type { OpenConnection } from './open-connection.js';
import { type RequestBounds, RpcChannel } from './rpc-channel.js';

/** What a subscription tells its leg. */
export interface SubscriptionEvents {
  /** The server says that it feeds us; deliveries can follow in the same bytes. */
  fed(): void;
  arrived(message: ConsumeMessage): void;
  /** The server cancelled it: the queue was deleted, or its leader is gone. */
  cancelled(): void;
  /** A delivery was settled for the first time. */
  settled(): void;
  /** The server closed the channel and left the connection open. */
  closed(reason: unknown): void;
}

/** What a subscription is made of. */
export interface SubscriptionOptions {
  readonly connection: OpenConnection;
  readonly bounds: RequestBounds;
  readonly queue: string;
  readonly events: SubscriptionEvents;
}

/** One channel that consumes from one queue, or does not at the moment, and its unsettled deliveries. */
export class Subscription {
  readonly book: AckBook;
  readonly #channel: RpcChannel<Channel>;
  readonly #options: SubscriptionOptions;
  #tag: string | null = null;
  #prefetch = 0;

  private constructor(channel: RpcChannel<Channel>, options: SubscriptionOptions) {
    this.#channel = channel;
    this.#options = options;
    this.book = new AckBook({
      clock: options.bounds.clock,
      ack: (tag, isMultiple) => this.#ack(tag, isMultiple),
      settled: options.events.settled,
    });
    // Without a reason the connection is ending, which is told by itself.
    channel.client.on('close', () => {
      if (channel.closeReason !== undefined) options.events.closed(channel.closeReason);
    });
  }

  static async open(options: SubscriptionOptions): Promise<Subscription> {
    const { connection, bounds } = options;
    const channel = await RpcChannel.open<Channel>(
      connection,
      (callback) => connection.client.createChannel(callback),
      bounds,
    );
    return new Subscription(channel, options);
  }

  get isOpen(): boolean {
    return this.#channel.isOpen && this.#channel.connection.isOpen;
  }

  get isConsuming(): boolean {
    return this.#tag !== null;
  }

  /** Of the last `consume`; 0 before the first. */
  get prefetch(): number {
    return this.#prefetch;
  }

  /** Starts to consume. The prefetch counts for this consumer only, and deliveries that are out already on top of it. */
  async consume(prefetch: number): Promise<void> {
    const { queue, events } = this.#options;
    const { client } = this.#channel;
    const what = `Consuming from the queue "${queue}"`;
    this.book.setPrefetch(prefetch);
    await this.#channel.call(what, (callback) => client.prefetch(prefetch, false, callback));
    await this.#channel.call(what, (callback) =>
      client.consume(
        queue,
        (message) => this.#received(message),
        {},
        (error: unknown, answer) => {
          if (!error) {
            this.#tag = answer.consumerTag;
            this.#prefetch = prefetch;
            events.fed();
          }
          callback(error, answer);
        },
      ),
    );
  }

  /** Stops consuming; resolves when nothing more arrives. What is out can still be settled. */
  async cancel(): Promise<void> {
    const tag = this.#tag;
    if (tag === null) return;
    this.#tag = null;
    const what = `Cancelling the consumer of "${this.#options.queue}"`;
    await this.#channel.call(what, (callback) => this.#channel.client.cancel(tag, callback));
  }

  /** Acks what is settled and closes the channel. Never rejects. */
  async close(): Promise<void> {
    this.book.flush();
    await this.#channel.close();
  }

  /**
   * True if the client has read that a message comes, and not yet its headers. amqplib does not declare where it keeps
   * that; without it nobody is the culprit.
   */
  get isMidMessage(): boolean {
    const next = (this.#channel.client as unknown as { handleMessage?: unknown }).handleMessage;
    return typeof next === 'function' && next.name === 'headers';
  }

  #received(message: ConsumeMessage | null): void {
    if (message !== null) {
      this.#options.events.arrived(message);
      return;
    }
    this.#tag = null;
    this.#options.events.cancelled();
  }

  #ack(tag: number, isMultiple: boolean): void {
    if (!this.isOpen) return;
    try {
      this.#channel.client.ack({ fields: { deliveryTag: tag } } as ConsumeMessage, isMultiple);
    } catch {
      // The channel is closing in this moment; the server delivers again.
    }
  }
}
