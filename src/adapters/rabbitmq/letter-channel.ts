import type { Channel, ConsumeMessage, GetMessage } from 'amqplib/callback_api';
import type { Clock, Timer } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import { serverWords } from './errors.js';
import type { OpenConnection } from './open-connection.js';
import { checkQueue } from './places.js';
import { type RequestBounds, RpcChannel } from './rpc-channel.js';

/** Nothing came for so long: the queue is asked whether it holds anything, ms. */
const QUIET_MS = 1_000;

/** Longest wait until the queue counts what was given back, ms. */
const RETURN_MS = 2_000;

/** What a letter channel is made of. */
export interface LetterChannelOptions {
  readonly connection: OpenConnection;
  readonly bounds: RequestBounds;
  readonly queue: string;
  readonly signal: AbortSignal;
}

/**
 * Holds the messages of one queue, some at a time, until it is closed: then they lie in the queue again. Messages come by
 * consuming, not by `get`: that is one round of consensus each (5,000 took 25 s against 0.3 s on one machine).
 */
export class LetterChannel {
  readonly #channel: RpcChannel<Channel>;
  readonly #options: LetterChannelOptions;
  #arrived: ConsumeMessage[] = [];
  #wanted = 0;
  #windows = 0;
  #prefetch = 1;
  /** What the queue has to count again when everything was given back. */
  #total = 0;
  /** Ends the waiting for letters. */
  #wake: (() => void) | null = null;

  private constructor(channel: RpcChannel<Channel>, options: LetterChannelOptions) {
    this.#channel = channel;
    this.#options = options;
    const wake = (): void => this.#wake?.();
    channel.client.on('close', wake);
    options.connection.watch({ lost: wake, blocked: () => undefined, unblocked: () => undefined });
  }

  static async open(options: LetterChannelOptions): Promise<LetterChannel> {
    const { connection, bounds } = options;
    const channel = await RpcChannel.open<Channel>(
      connection,
      (callback) => connection.client.createChannel(callback),
      bounds,
    );
    return new LetterChannel(channel, options);
  }

  get isOpen(): boolean {
    return this.#channel.isOpen && this.#channel.connection.isOpen;
  }

  /** Messages that are ready, asked for before the first is taken; zero may be a server that could not count in time. */
  async count(): Promise<number> {
    this.#total = (await checkQueue(this.#options, this.#options.queue)).messageCount;
    return this.#total;
  }

  /** One message by itself; `null`: there is certainly none. */
  async one(): Promise<GetMessage | null> {
    const { queue } = this.#options;
    const message = await this.#channel.call<GetMessage | false>(
      `Reading from the queue "${queue}"`,
      (callback) => this.#channel.client.get(queue, {}, callback),
    );
    if (!message) return null;
    this.#total = Math.max(this.#total, 1);
    return message;
  }

  /** So many messages, or fewer when no more come. Rejects with BC_BROKER_UNAVAILABLE when the channel was lost. */
  async window(size: number): Promise<ConsumeMessage[]> {
    const tag = await this.#consume(size);
    await this.#untilArrived();
    if (!this.isOpen) throw this.#lostError();
    const what = `Cancelling the reading of "${this.#options.queue}"`;
    await this.#channel.call(what, (callback) => this.#channel.client.cancel(tag, callback));
    const arrived = this.#arrived;
    this.#arrived = [];
    return arrived;
  }

  /** Tags in ascending order: a server gives messages back consumer by consumer, sorted by tag. */
  async #consume(size: number): Promise<string> {
    const { queue } = this.#options;
    const { client } = this.#channel;
    const what = `Reading from the queue "${queue}"`;
    const consumerTag = `letters-${String(this.#windows).padStart(9, '0')}`;
    this.#windows += 1;
    this.#wanted = size;
    this.#prefetch = size;
    await this.#channel.call(what, (callback) => client.prefetch(size, false, callback));
    await this.#channel.call(what, (callback) =>
      client.consume(queue, (message) => this.#received(message), { consumerTag }, callback),
    );
    return consumerTag;
  }

  #received(message: ConsumeMessage | null): void {
    if (message !== null) this.#arrived.push(message);
    if (message === null || this.#arrived.length >= this.#wanted) this.#wake?.();
  }

  #untilArrived(): Promise<void> {
    const { bounds, signal } = this.#options;
    if (this.#arrived.length >= this.#wanted || signal.aborted || !this.isOpen) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = null;
        watch.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const watch = whenQuiet(bounds.clock, () => this.#arrived.length, done);
      this.#wake = done;
      signal.addEventListener('abort', done);
    });
  }

  /**
   * Takes a message out of the queue for good. Resolves when the server has taken the ack and the channel lives, for it
   * answers in order; rejects with BC_BROKER_UNAVAILABLE when that is not known, BC_LIFECYCLE when it was given back.
   */
  async remove(deliveryTag: number): Promise<void> {
    if (!this.isOpen) throw this.#lostError();
    this.#channel.client.ack({ fields: { deliveryTag } } as ConsumeMessage);
    await this.#channel.call(`Removing a letter from "${this.#options.queue}"`, (callback) =>
      this.#channel.client.prefetch(this.#prefetch, false, callback),
    );
    this.#total -= 1;
  }

  #lostError(): BuscouplerError {
    const { queue, connection } = this.#options;
    const reason = this.#channel.closeReason;
    if (connection.isOpen && reason === undefined)
      return new BuscouplerError('BC_LIFECYCLE', `The reading of "${queue}" is over.`);
    const why = reason === undefined ? '' : `: ${serverWords(reason)}`;
    return new BuscouplerError('BC_BROKER_UNAVAILABLE', `Reading the queue "${queue}" was cut off${why}.`);
  }

  /** Gives everything back and waits until the queue counts it, so that the next reader finds it. Never rejects. */
  async close(): Promise<void> {
    const { bounds, queue } = this.#options;
    await this.#channel.close();
    const endMs = bounds.clock.monotonicMs() + RETURN_MS;
    try {
      while (bounds.clock.monotonicMs() < endMs) {
        if ((await checkQueue(this.#options, queue)).messageCount >= this.#total) return;
      }
    } catch {
      // The connection or the queue is gone: there is nobody to wait for.
    }
  }
}

/** Calls back once nothing was added for a while. */
function whenQuiet(clock: Clock, count: () => number, callback: () => void): Timer {
  let seen = count();
  let timer: Timer;
  const look = (): void => {
    const now = count();
    if (now === seen) {
      callback();
      return;
    }
    seen = now;
    timer = clock.schedule(look, QUIET_MS, { keepAlive: true });
  };
  timer = clock.schedule(look, QUIET_MS, { keepAlive: true });
  return { cancel: () => timer.cancel() };
}
