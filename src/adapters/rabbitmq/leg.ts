import type { Channel, ConsumeMessage } from 'amqplib/callback_api';
import type { Leg, LegSpec, LegState, LegStatus } from '../../contract/broker.js';
import type { Timer } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { Logger } from '../../contract/logger.js';
import { backoffDelayMs, wait } from '../../delivery/backoff.js';
import { queueOf } from '../../messages/names.js';
import { AckBook } from './ack-book.js';
import { serverWords } from './errors.js';
import type { LinkUser, RabbitmqContext } from './link.js';
import { toIncoming } from './messages.js';
import type { Loss, OpenConnection } from './open-connection.js';
import { RpcChannel } from './rpc-channel.js';
import { provisionConsumer } from './topology.js';

/** AMQP's prefetch count is 16 bits. */
const PREFETCH_MAX = 65_535;

/** Delays between tries to subscribe again to a queue that refuses us. */
const BACKOFF = { initialMs: 200, factor: 2, maxMs: 10_000, jitter: 0.5 };

/** What a leg is given. */
export interface LegOptions {
  readonly context: RabbitmqContext;
  readonly logger: Logger;
  readonly spec: LegSpec;
  /** Called when the leg has left. */
  readonly left: (leg: RabbitmqLeg) => void;
}

/** One subscription on one channel. */
interface Feed {
  readonly channel: RpcChannel<Channel>;
  readonly book: AckBook;
  /** `null`: not consuming. */
  tag: string | null;
  prefetch: number;
}

/**
 * A consumer's queue, on a channel of its own. What it should be (fed or not, with which prefetch) and what it is are
 * brought together by one loop, so that pause, resume, capacity, loss and recovery never cross one another.
 */
export class RabbitmqLeg implements Leg, LinkUser {
  readonly broker = 'rabbitmq';
  readonly #options: LegOptions;
  readonly #queue: string;
  #capacity: number;
  #connection: OpenConnection | null = null;
  #feed: Feed | null = null;
  #isPaused = false;
  #ending: 'no' | 'draining' | 'left' = 'no';
  #reason: BuscouplerError | null = null;
  /** Until the first consume-ok: who waits for it. */
  #starting: { resolve(): void; reject(error: BuscouplerError): void } | null = null;
  /** The queue vanished: places are looked at before the next subscription. */
  #isQueueGone = false;
  /** So many deliveries are taken one at a time: that many were unacked when a connection died. */
  #caution = 0;
  /** Delivered while pausing, before the server had heard of it. */
  #kept: ConsumeMessage[] = [];
  #work: Promise<void> | null = null;
  #isDirty = false;
  #failures = 0;
  #retry: Timer | null = null;

  constructor(options: LegOptions) {
    this.#options = options;
    this.#queue = queueOf(options.spec.consumer);
    this.#capacity = options.spec.capacity;
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
    const { book } = this.#feed ?? {};
    const kept = this.#kept.splice(0);
    if (book !== undefined) for (const message of kept) this.#handOver(book, message);
    this.#nudge();
  }

  setCapacity(capacity: number): void {
    this.#capacity = capacity;
    this.#nudge();
  }

  status(): LegStatus {
    const unsettled = this.#feed?.book.unsettled ?? 0;
    const reason = this.#reason?.message;
    return { state: this.#state(), unsettled, waiting: null, ...(reason !== undefined && { reason }) };
  }

  #state(): LegState {
    if (this.#ending === 'left') return 'stopped';
    if (this.#ending === 'draining') return 'draining';
    if (this.#reason !== null && this.#reason.code !== 'BC_BROKER_UNAVAILABLE') return 'failed';
    if (this.#isPaused) return 'paused';
    if (this.#feed?.tag != null) return 'live';
    return this.#starting === null ? 'recovering' : 'starting';
  }

  async drain(): Promise<void> {
    if (this.#ending === 'no') this.#ending = 'draining';
    this.#kept = [];
    await this.#settleDown();
  }

  async detach({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    const { clock } = this.#options.context;
    const over = new AbortController();
    await Promise.race([this.#leave(), wait(clock, deadlineMs, over.signal)]);
    over.abort();
    this.#ending = 'left';
    this.#retry?.cancel();
    this.#starting?.reject(
      new BuscouplerError('BC_LIFECYCLE', `The consumer of "${this.#queue}" was stopped.`),
    );
    this.#feed?.book.lose();
    this.#feed = null;
    this.#options.left(this);
  }

  async #leave(): Promise<void> {
    await this.drain();
    const feed = this.#feed;
    if (feed === null) return;
    feed.book.flush();
    await feed.channel.close();
  }

  // -- the link

  async linkUp(connection: OpenConnection): Promise<void> {
    this.#connection = connection;
    this.#nudge();
  }

  linkDown(loss: Loss): void {
    this.#connection = null;
    this.#lose(loss.error, loss.isPoison ? this.#capacity : 0);
  }

  /** The channel is gone. What was out goes one at a time when it comes back: one of them may kill whoever takes it. */
  #lose(error: BuscouplerError, suspects: number): void {
    const feed = this.#feed;
    this.#feed = null;
    this.#kept = [];
    if (this.#ending !== 'no') {
      feed?.book.lose();
      return;
    }
    this.#reason ??= error;
    if (feed === null) return;
    this.#caution = Math.max(this.#caution, feed.book.unsettled, suspects);
    feed.book.lose();
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
    const prefetch = this.#caution > 0 ? 1 : Math.min(Math.max(1, this.#capacity), PREFETCH_MAX);
    const current = this.#feed;
    if (current !== null && current.tag !== null && (!isWanted || current.prefetch !== prefetch)) {
      await this.#cancel(current);
    }
    const connection = this.#connection;
    if (!isWanted || connection === null) return;
    if (this.#isQueueGone) await this.#provision(connection);
    const feed = this.#feed ?? (await this.#open(connection));
    if (feed.tag === null) await this.#consume(feed, prefetch);
  }

  async #provision(connection: OpenConnection): Promise<void> {
    const { context, spec } = this.#options;
    const access = { connection, bounds: this.#bounds() };
    await provisionConsumer({ access, emit: context.emit }, spec.consumer);
    this.#isQueueGone = false;
  }

  #bounds() {
    const { clock, settings } = this.#options.context;
    return { clock, timeoutMs: settings.requestTimeoutMs };
  }

  async #open(connection: OpenConnection): Promise<Feed> {
    const channel = await RpcChannel.open<Channel>(
      connection,
      (callback) => connection.client.createChannel(callback),
      this.#bounds(),
    );
    const book = new AckBook({
      clock: this.#options.context.clock,
      ack: (tag, isMultiple) => this.#ack(channel, tag, isMultiple),
      settled: () => this.#settled(),
    });
    const feed: Feed = { channel, book, tag: null, prefetch: 0 };
    channel.client.on('close', () => this.#channelClosed(feed));
    this.#feed = feed;
    return feed;
  }

  async #consume(feed: Feed, prefetch: number): Promise<void> {
    const { channel, book } = feed;
    const what = `Consuming from the queue "${this.#queue}"`;
    book.setPrefetch(prefetch);
    await channel.call(what, (callback) => channel.client.prefetch(prefetch, false, callback));
    await channel.call(what, (callback) =>
      channel.client.consume(
        this.#queue,
        (message) => this.#arrived(feed, message),
        {},
        (error: unknown, answer) => {
          // Deliveries can follow in the same bytes: by then it is live.
          if (!error) this.#consuming(feed, answer.consumerTag);
          callback(error, answer);
        },
      ),
    );
    feed.prefetch = prefetch;
  }

  #consuming(feed: Feed, tag: string): void {
    feed.tag = tag;
    this.#succeeded();
  }

  async #cancel(feed: Feed): Promise<void> {
    const tag = feed.tag as string;
    feed.tag = null;
    await feed.channel.call(`Cancelling "${this.#queue}"`, (callback) =>
      feed.channel.client.cancel(tag, callback),
    );
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#reason = null;
    this.#starting?.resolve();
    this.#starting = null;
  }

  /** The server refused the queue. A lost connection comes back by itself; anything else is told and tried again. */
  #failed(error: BuscouplerError): void {
    const { context, spec } = this.#options;
    if (this.#feed?.channel.isOpen === false) this.#feed = null;
    if (this.#ending !== 'no') return;
    const isNews = this.#reason?.message !== error.message;
    this.#reason = error;
    if (error.code === 'BC_PLACE_MISSING') this.#isQueueGone = true;
    const isLoss = error.code === 'BC_BROKER_UNAVAILABLE';
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

  /** The server closed the channel (an ack that came too late, a protocol error): a new one is opened. */
  #channelClosed(feed: Feed): void {
    if (feed !== this.#feed || feed.channel.closeReason === undefined) return;
    const what = `The channel of "${this.#queue}" was closed: ${serverWords(feed.channel.closeReason)}.`;
    this.#lose(new BuscouplerError('BC_BROKER_UNAVAILABLE', what), 0);
    this.#nudge();
  }

  // -- deliveries

  #arrived(feed: Feed, message: ConsumeMessage | null): void {
    if (message === null) {
      feed.tag = null;
      this.#isQueueGone = true;
      this.#nudge();
      return;
    }
    if (feed !== this.#feed || this.#ending !== 'no') return;
    if (this.#isPaused) this.#kept.push(message);
    else this.#handOver(feed.book, message);
  }

  #handOver(book: AckBook, message: ConsumeMessage): void {
    try {
      const delivery = book.add(message.fields.deliveryTag, toIncoming(message, this.#queue));
      this.#options.spec.deliver(delivery);
    } catch (error) {
      // A throw would reach amqplib, which closes the channel for it.
      this.#options.logger.error({ err: error, consumer: this.#options.spec.consumer.name }, 'deliver threw');
    }
  }

  #ack(channel: RpcChannel<Channel>, tag: number, isMultiple: boolean): void {
    if (!channel.isOpen) return;
    try {
      channel.client.ack({ fields: { deliveryTag: tag } } as ConsumeMessage, isMultiple);
    } catch {
      // The channel is closing in this moment; the server delivers again.
    }
  }

  #settled(): void {
    if (this.#caution === 0) return;
    this.#caution -= 1;
    if (this.#caution === 0) this.#nudge();
  }
}
