import { type PublishOutcome, STORED } from '../../contract/broker.js';
import type { Clock } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { IncomingMessage, OutgoingMessage } from '../../contract/message.js';
import { checkName } from '../../messages/names.js';
import { failedOutcome } from './failed-outcome.js';
import { Faults } from './faults.js';
import { Gate } from './gate.js';
import { MESSAGE_OVERHEAD_BYTES, messageSize } from './message-size.js';
import { type ForeignMessage, fromForeign, toQueued } from './messages.js';
import { Burials, type Dead } from './queue-burials.js';
import { asDeadLetter, type DeathReason } from './queue-death.js';
import type { QueueEntry } from './queue-entry.js';
import { type BindingKey, type ExchangeType, QueueExchange, type RouteTarget } from './queue-exchange.js';
import { type QueueOptions, type QueueOwner, QueuePlace } from './queue-place.js';
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
  readonly #burials: Burials;
  #bytes = 0;
  /** Messages that were mandatory and had no queue. */
  returned = 0;

  constructor(options: QueueStoreOptions) {
    this.clock = options.clock;
    this.turns = new Turns(options.clock);
    this.#burials = new Burials(options.clock, (dead) => this.#bury(dead));
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
      return failedOutcome('BC_MESSAGE_TOO_LARGE', `A message of ${bytes} bytes is too large.`);
    }
    const targets = this.#route(address, message);
    if (targets === null)
      return failedOutcome('BC_PLACE_MISSING', `There is no exchange "${address.exchange}".`);
    if (targets.length === 0) return this.#unroutable(address);
    if (this.#bytes + (bytes + MESSAGE_OVERHEAD_BYTES) * targets.length > this.#maxBytes) {
      return failedOutcome(
        'BC_PUBLISH_REFUSED',
        'The memory of the embedded queues is full of unsettled messages.',
      );
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
    return ready + unsettled + this.#burials.waiting(queue);
  }

  removed(entry: QueueEntry): void {
    this.#bytes -= entry.bytes + MESSAGE_OVERHEAD_BYTES;
  }

  dead(queue: QueuePlace, entry: QueueEntry, reason: DeathReason): void {
    this.#burials.add({ queue, entry, reason });
  }

  /** True if the message is gone from its queue: moved, or dropped because the queue has no dead-letter place. */
  #bury({ queue, entry, reason }: Dead): boolean {
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

  #route({ exchange, routingKey }: Address, message: OutgoingMessage): readonly RouteTarget[] | null {
    if (exchange !== '') return this.#exchanges.get(exchange)?.route(routingKey, message.headers) ?? null;
    const queue = this.#queues.get(routingKey);
    if (queue === undefined) return [];
    return [{ queue, position: { broker: 'rabbitmq', queue: routingKey, exchange, routingKey } }];
  }

  #unroutable({ exchange, routingKey, isMandatory }: Address): PublishOutcome {
    if (!isMandatory) return STORED;
    this.returned += 1;
    return failedOutcome('BC_UNROUTABLE', `No queue takes "${routingKey}" from the exchange "${exchange}".`);
  }

  #enqueue(targets: readonly RouteTarget[], message: OutgoingMessage, bytes: number): PublishOutcome {
    const full: string[] = [];
    for (const { queue, position } of targets) {
      if (queue.isFull) {
        full.push(queue.name);
        continue;
      }
      this.#bytes += bytes + MESSAGE_OVERHEAD_BYTES;
      queue.push(toQueued(message, position), bytes);
    }
    return full.length === 0 ? STORED : refusedBy(full, targets.length);
  }
}

/** A full queue refuses for all; what the others took is stored nevertheless. */
const refusedBy = (full: readonly string[], targets: number): PublishOutcome => ({
  status: full.length === targets ? 'failed' : 'uncertain',
  error: new BuscouplerError('BC_PUBLISH_REFUSED', `Full: queue ${full.join(', ')}.`),
});

/** The options of a queue in one form, to compare and to show. */
function describeQueue({ name: _, ...options }: QueueOptions): string {
  const { deliveryLimit = 20, deadLetter, messageTtlMs, maxLength } = options;
  return JSON.stringify({ deliveryLimit, deadLetter, messageTtlMs, maxLength });
}

/** New embedded queues, empty. Every `createQueueBroker` that is given them is a client of them. */
export const createQueueStore = (options: QueueStoreOptions): QueueStore => new QueueStore(options);
