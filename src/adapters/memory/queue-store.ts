import { type PublishOutcome, STORED } from '../../contract/broker.js';
import type { Clock, Timer } from '../../contract/clock.js';
import { BuscouplerError, type ErrorCode } from '../../contract/errors.js';
import type { IncomingMessage, OutgoingMessage } from '../../contract/message.js';
import { HEADERS } from '../../messages/header-names.js';
import { readText } from '../../messages/headers.js';
import { checkName } from '../../messages/names.js';
import { Faults } from './faults.js';
import { Gate } from './gate.js';
import { MESSAGE_OVERHEAD_BYTES, messageSize } from './message-size.js';
import { type ForeignMessage, fromForeign, sharedHeaders } from './messages.js';
import { asDeadLetter, type DeathReason } from './queue-death.js';
import { type BindingKey, type ExchangeType, QueueExchange, type RouteTarget } from './queue-exchange.js';
import { type QueueEntry, type QueueOptions, type QueueOwner, QueuePlace } from './queue-place.js';
import { Turns } from './turns.js';

/** Options of {@link createQueueStore}. */
export interface QueueStoreOptions {
  readonly clock: Clock;
  /**
   * Memory for everything stored, bytes, with 256 a message for the objects around it; over it publishes are refused.
   * Default 67,108,864.
   */
  readonly maxBytes?: number;
  /** Largest body plus headers, bytes. Default 16,777,216. */
  readonly maxMessageBytes?: number;
}

/** Where a message is published to. */
export interface Address {
  /** `''`: the default exchange, which routes to the queue that the routing key names. */
  readonly exchange: string;
  readonly routingKey: string;
  /** A message that no queue is bound for is returned: BC_UNROUTABLE. */
  readonly isMandatory: boolean;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
/** What RabbitMQ 4 takes by default. */
const DEFAULT_MESSAGE_BYTES = 16 * 1024 * 1024;
/** How often dead letters that no queue took are tried again. */
const DEAD_LETTER_RETRY_MS = 1_000;

const failed = (code: ErrorCode, what: string): PublishOutcome => ({
  status: 'failed',
  error: new BuscouplerError(code, what),
});

interface Dying {
  readonly queue: QueuePlace;
  readonly entry: QueueEntry;
  readonly reason: DeathReason;
}

/** The server side of the embedded queues: exchanges, bindings, queues, and faults on demand. Clients share one. */
export class QueueStore implements QueueOwner {
  readonly gate = new Gate('queue broker');
  readonly faults = new Faults(this.gate);
  readonly clock: Clock;
  readonly turns: Turns;
  readonly maxMessageBytes: number;
  readonly #maxBytes: number;
  readonly #exchanges = new Map<string, QueueExchange>();
  readonly #queues = new Map<string, QueuePlace>();
  /** Given up on, and no queue took them yet. */
  #dying: Dying[] = [];
  #dyingTimer: Timer | null = null;
  #bytes = 0;
  /** Messages that were mandatory and had no queue. */
  returned = 0;

  constructor(options: QueueStoreOptions) {
    this.clock = options.clock;
    this.turns = new Turns(options.clock);
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MESSAGE_BYTES;
  }

  /** Bytes of everything stored, overhead included. */
  get bytes(): number {
    return this.#bytes;
  }

  exchange(name: string): QueueExchange | undefined {
    return this.#exchanges.get(name);
  }

  queue(name: string): QueuePlace | undefined {
    return this.#queues.get(name);
  }

  /** Throws BC_PLACE_MISSING. */
  requireExchange(name: string): QueueExchange {
    const exchange = this.#exchanges.get(name);
    if (exchange !== undefined) return exchange;
    throw new BuscouplerError('BC_PLACE_MISSING', `There is no exchange "${name}".`);
  }

  /** Throws BC_PLACE_MISSING. */
  requireQueue(name: string): QueuePlace {
    const queue = this.#queues.get(name);
    if (queue !== undefined) return queue;
    throw new BuscouplerError('BC_PLACE_MISSING', `There is no queue "${name}".`);
  }

  /** True if it is new. Throws BC_PLACE_CONFLICT if it exists with another type, BC_NAME_INVALID. */
  declareExchange(name: string, type: ExchangeType): boolean {
    const present = this.#exchanges.get(name);
    if (present === undefined) {
      checkName(name, 'exchange');
      this.#exchanges.set(name, new QueueExchange(name, type));
      return true;
    }
    if (present.type === type) return false;
    throw new BuscouplerError(
      'BC_PLACE_CONFLICT',
      `The exchange "${name}" exists with type ${present.type}, not ${type}.`,
    );
  }

  /** True if it is new. Throws BC_PLACE_CONFLICT if it exists with other options, BC_NAME_INVALID. */
  declareQueue(options: QueueOptions): boolean {
    const present = this.#queues.get(options.name);
    if (present === undefined) {
      checkName(options.name, 'queue');
      this.#queues.set(options.name, new QueuePlace(options, this));
      return true;
    }
    if (describeQueue(present.options) === describeQueue(options)) return false;
    throw new BuscouplerError(
      'BC_PLACE_CONFLICT',
      `The queue "${options.name}" exists with ${describeQueue(present.options)}, not ${describeQueue(options)}.`,
    );
  }

  /** Idempotent. Throws BC_PLACE_MISSING. */
  bind(queue: string, exchange: string, key: BindingKey): void {
    this.requireExchange(exchange).bind(this.requireQueue(queue), key);
  }

  unbind(queue: string, exchange: string, key: BindingKey): void {
    this.requireExchange(exchange).unbind(this.requireQueue(queue), key);
  }

  /** Deletes a queue and its messages; its consumers wait for it to come back. */
  deleteQueue(name: string): void {
    const queue = this.requireQueue(name);
    this.#queues.delete(name);
    for (const exchange of this.#exchanges.values()) exchange.unbindAll(queue);
    queue.destroy();
  }

  /** Routes one message of so many bytes. Stored in some queues and refused by others: `uncertain`. */
  publish(address: Address, message: OutgoingMessage, bytes: number): PublishOutcome {
    if (bytes > this.maxMessageBytes) {
      return failed('BC_MESSAGE_TOO_LARGE', `A message of ${bytes} bytes is too large.`);
    }
    const targets = this.#route(address, message);
    if (targets === null) return failed('BC_PLACE_MISSING', `There is no exchange "${address.exchange}".`);
    if (targets.length === 0) return this.#unroutable(address);
    if (this.#bytes + (bytes + MESSAGE_OVERHEAD_BYTES) * targets.length > this.#maxBytes) {
      return failed('BC_PUBLISH_REFUSED', 'The memory of the embedded queues is full of unsettled messages.');
    }
    return this.#enqueue(targets, message, bytes);
  }

  /** Stores a message of a foreign producer; unroutable ones vanish. Throws why it cannot. */
  write(exchange: string, routingKey: string, message: ForeignMessage): void {
    const wire = fromForeign(message, this.clock.epochMs());
    const outcome = this.publish({ exchange, routingKey, isMandatory: false }, wire, messageSize(wire));
    if (outcome.status !== 'stored') throw outcome.error;
  }

  /** Every message that a queue holds, handed over or not, in order. */
  read(queue: string): readonly IncomingMessage[] {
    return this.requireQueue(queue)
      .entries()
      .map((entry) => entry.message);
  }

  /** How many messages a queue holds: ready, handed over, and given up on but not yet taken elsewhere. */
  depth(queue: string): number {
    const { ready, unsettled } = this.requireQueue(queue);
    return ready + unsettled + this.#dying.filter((one) => one.queue.name === queue).length;
  }

  removed(entry: QueueEntry): void {
    this.#bytes -= entry.bytes + MESSAGE_OVERHEAD_BYTES;
  }

  dead(queue: QueuePlace, entry: QueueEntry, reason: DeathReason): void {
    const dying = { queue, entry, reason };
    if (!this.#bury(dying)) this.#dying.push(dying);
    this.#awaitBurials();
  }

  #route({ exchange, routingKey }: Address, message: OutgoingMessage): readonly RouteTarget[] | null {
    if (exchange !== '') return this.#exchanges.get(exchange)?.route(routingKey, message.headers) ?? null;
    const queue = this.#queues.get(routingKey);
    if (queue === undefined) return [];
    return [{ queue, position: { broker: 'rabbitmq', queue: routingKey, exchange, routingKey } }];
  }

  #unroutable({ exchange, routingKey, isMandatory }: Address): PublishOutcome {
    if (!isMandatory) return STORED;
    this.returned += 1;
    return failed('BC_UNROUTABLE', `No queue takes "${routingKey}" from the exchange "${exchange}".`);
  }

  #enqueue(targets: readonly RouteTarget[], message: OutgoingMessage, bytes: number): PublishOutcome {
    let stored = 0;
    for (const { queue, position } of targets) {
      if (queue.isFull) continue;
      stored += 1;
      this.#bytes += bytes + MESSAGE_OVERHEAD_BYTES;
      queue.push(toIncoming(message, position), bytes);
    }
    if (stored === targets.length) return STORED;
    const full = targets.filter((one) => one.queue.isFull).map((one) => one.queue.name);
    return {
      status: stored === 0 ? 'failed' : 'uncertain',
      error: new BuscouplerError('BC_PUBLISH_REFUSED', `Full: queue ${full.join(', ')}.`),
    };
  }

  /** True if the message is gone from its queue: moved, or dropped because there is nowhere to move it to. */
  #bury({ queue, entry, reason }: Dying): boolean {
    const { deadLetter } = queue.options;
    if (deadLetter !== undefined) {
      const letter = asDeadLetter(entry.message, {
        queue: queue.name,
        reason,
        epochMs: this.clock.epochMs(),
      });
      const targets = this.#route({ ...deadLetter, isMandatory: true }, letter);
      if (targets === null || targets.length === 0 || targets.some((one) => one.queue.isFull)) return false;
      this.#enqueue(targets, letter, messageSize(letter));
    }
    this.removed(entry);
    return true;
  }

  #awaitBurials(): void {
    if (this.#dying.length === 0 || this.#dyingTimer !== null) return;
    this.#dyingTimer = this.clock.schedule(() => {
      this.#dyingTimer = null;
      this.#dying = this.#dying.filter((one) => !this.#bury(one));
      this.#awaitBurials();
    }, DEAD_LETTER_RETRY_MS);
  }
}

/** The options of a queue in one form, to compare and to show. */
function describeQueue({ name: _, ...options }: QueueOptions): string {
  const { deliveryLimit = 20, deadLetter, messageTtlMs, maxLength } = options;
  return JSON.stringify({ deliveryLimit, deadLetter, messageTtlMs, maxLength });
}

/** What AMQP carries: key and tombstone in headers, identity in header or property. */
function toIncoming(message: OutgoingMessage, position: IncomingMessage['position']): IncomingMessage {
  const headers = sharedHeaders(message.headers);
  const isTombstone = message.body?.length === 0 && Object.hasOwn(headers, HEADERS.tombstone);
  return {
    id: readText(headers, HEADERS.id) ?? (message.id === '' ? null : message.id),
    key: readText(headers, HEADERS.key),
    body: isTombstone ? null : message.body,
    headers,
    contentType: message.contentType === '' ? null : message.contentType,
    timestampMs: message.timestampMs,
    position,
    isRedelivered: false,
  };
}

/** New embedded queues, empty. Every `createQueueBroker` that is given them is a client of them. */
export const createQueueStore = (options: QueueStoreOptions): QueueStore => new QueueStore(options);
