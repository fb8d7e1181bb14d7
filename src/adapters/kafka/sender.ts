import type { PublishTicket } from '../../contract/broker.js';
import type { Clock, Random } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { PublishBounds } from '../../contract/settings.js';
import type { ConnectionState } from './connection-state.js';
import type { ProducerClient } from './driver.js';
import { PendingRecord } from './messages.js';
import { NodeLane } from './node-lane.js';
import type { PartitionQueue } from './partition-queue.js';
import type { SendContext } from './send-context.js';
import { TopicRoute } from './topic-route.js';

/** Largest request that a broker reads unless told otherwise (`socket.request.max.bytes`); it hangs up on larger ones. */
const REQUEST_LIMIT_BYTES = 100 * 1024 * 1024;
/** How often a full sender looks for tickets that their owners have settled, ms. */
const PURGE_EVERY_MS = 50;

/** What a sender is made of. */
export interface SenderOptions {
  readonly client: ProducerClient;
  readonly bounds: PublishBounds;
  readonly clock: Clock;
  readonly random: Random;
  readonly state: ConnectionState;
  /** `max.message.bytes` of a topic. */
  readonly maxBatchBytes: (topic: string) => number;
}

/** Takes messages for all topics, batches them by itself and settles their tickets; bounded in count and bytes. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #context: SendContext;
  readonly #routes = new Map<string, TopicRoute>();
  readonly #lanes = new Map<number, NodeLane>();
  #held = 0;
  #heldBytes = 0;
  #inFlight = 0;
  #purgedAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #onIdle: (() => void) | null = null;

  constructor(options: SenderOptions) {
    const { client, clock, random, bounds, state, maxBatchBytes } = options;
    this.#options = options;
    this.#context = {
      client,
      clock,
      random,
      maxBatchBytes,
      roomInFlight: () => bounds.maxInFlight - this.#inFlight,
      countInFlight: (records) => this.#countInFlight(records),
      release: (record) => this.#release(record),
      offer: (queue) => this.#offer(queue),
      doubt: (topic) => this.#routes.get(topic)?.doubt(),
      onAnswer: () => state.up(),
      onFailure: (error) => state.down(error),
    };
  }

  /** Tickets that are held. */
  get pending(): number {
    return this.#held;
  }

  /** Takes the ticket at once; never throws. */
  send(topic: string, ticket: PublishTicket): void {
    if (ticket.isSettled) return;
    if (this.#isClosed) {
      const error = new BuscouplerError('BC_LIFECYCLE', 'The Kafka connection is closed.');
      ticket.settle({ status: 'failed', error });
      return;
    }
    const record = new PendingRecord(ticket);
    if (record.bytes > REQUEST_LIMIT_BYTES) {
      const what = `A message of ${record.bytes} bytes is more than Kafka reads at once.`;
      ticket.settle({ status: 'failed', error: new BuscouplerError('BC_MESSAGE_TOO_LARGE', what) });
      return;
    }
    if (!this.#hasRoom(record.bytes)) {
      const what = `${this.#held} messages (${this.#heldBytes} bytes) wait for Kafka.`;
      ticket.settle({ status: 'failed', error: new BuscouplerError('BC_PUBLISH_OVERFLOW', what) });
      return;
    }
    this.#held += 1;
    this.#heldBytes += record.bytes;
    this.#routeOf(topic).push(record);
  }

  /** Resolves when nothing is held, or after the time. What is left then is settled, sent or not. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosed = true;
    if (this.#held > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#options.clock.schedule(resolve, deadlineMs, { keepAlive: true });
        this.#onIdle = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    for (const route of this.#routes.values()) {
      route.drain(({ ticket }) => {
        const what = 'The bus was closed before Kafka stored the message.';
        const error = new BuscouplerError('BC_LIFECYCLE', what);
        ticket.settle({ status: ticket.wasSent ? 'uncertain' : 'failed', error });
      });
    }
  }

  #countInFlight(records: number): void {
    const wasFull = this.#inFlight >= this.#options.bounds.maxInFlight;
    this.#inFlight += records;
    if (wasFull && records < 0) for (const lane of this.#lanes.values()) lane.wake();
  }

  #routeOf(topic: string): TopicRoute {
    let route = this.#routes.get(topic);
    if (route === undefined) {
      route = new TopicRoute(topic, this.#context);
      this.#routes.set(topic, route);
    }
    return route;
  }

  #offer(queue: PartitionQueue): void {
    if (queue.isBusy || queue.isEmpty || queue.leader < 0) return;
    if (queue.heldUntilMs > 0 && queue.heldUntilMs > this.#options.clock.monotonicMs()) return;
    let lane = this.#lanes.get(queue.leader);
    if (lane === undefined) {
      lane = new NodeLane(queue.leader, this.#context);
      this.#lanes.set(queue.leader, lane);
    }
    lane.add(queue);
  }

  #hasRoom(bytes: number): boolean {
    if (this.#fits(bytes)) return true;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#purgedAtMs < PURGE_EVERY_MS) return false;
    this.#purgedAtMs = nowMs;
    for (const route of this.#routes.values()) route.dropSettled();
    return this.#fits(bytes);
  }

  #fits(bytes: number): boolean {
    const { maxInFlight, maxWaiting, maxBytes } = this.#options.bounds;
    // One message larger than all of the bound passes when it is alone: its size is judged by the broker.
    return this.#held < maxInFlight + maxWaiting && (this.#held === 0 || this.#heldBytes + bytes <= maxBytes);
  }

  #release(record: PendingRecord): void {
    this.#held -= 1;
    this.#heldBytes -= record.bytes;
    if (this.#held === 0) this.#onIdle?.();
  }
}
