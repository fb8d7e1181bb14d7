import type { PublishOutcome } from '../contract/broker.js';
import type { Clock, Random } from '../contract/clock.js';
import { BuscouplerError } from '../contract/errors.js';
import type { EmitEvent } from '../contract/events.js';
import type { BrokerName, OutgoingMessage } from '../contract/message.js';
import { backoffDelayMs } from '../delivery/backoff.js';
import { Ticket, type TicketBook, type TicketOwner } from '../delivery/publish-ticket.js';
import type { LeftoverSink } from './pending-publish.js';
import type { Route, RouteLeg } from './route.js';

/** Most copies that wait for a second broker; further ones are lost, each with an event. */
const MAX_COPIES = 10_000;

/** Most bytes of their bodies. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Deadline of one try, ms. */
const TRY_TIMEOUT_MS = 30_000;

const BACKOFF = { initialMs: 500, factor: 2, maxMs: 30_000, jitter: 0.2 };

interface Copy {
  readonly route: Route;
  readonly leg: RouteLeg;
  readonly message: OutgoingMessage;
}

/** What the background copies are made of. */
export interface BackgroundCopiesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly book: TicketBook;
  readonly emit: EmitEvent;
  /** Default 10,000. */
  readonly maxCopies?: number;
  /** Default 67,108,864. */
  readonly maxBytes?: number;
}

/**
 * Copies for brokers that a satisfied policy did not wait for: tried again with backoff until they are stored, bounded,
 * counted, in memory only. Per broker one copy probes; when it is stored the others follow at once.
 */
export class BackgroundCopies implements LeftoverSink {
  readonly #options: BackgroundCopiesOptions;
  readonly #waiting = new Map<BrokerName, Copy[]>();
  readonly #failures = new Map<BrokerName, number>();
  readonly #scheduled = new Set<BrokerName>();
  #size = 0;
  #bytes = 0;
  #isClosed = false;

  constructor(options: BackgroundCopiesOptions) {
    this.#options = options;
  }

  /** Copies that are not stored yet. */
  get size(): number {
    return this.#size;
  }

  takeOver(
    route: Route,
    broker: BrokerName,
    rest: { message: OutgoingMessage; error: BuscouplerError },
  ): void {
    const leg = route.legs.find((one) => one.broker === broker);
    if (leg === undefined) return;
    const copy: Copy = { route, leg, message: rest.message };
    this.#count(copy, 1);
    if (this.#isClosed || this.#isFull) {
      this.#lose(copy, rest.error);
      return;
    }
    this.#options.emit('copy-pending', {
      topic: route.topic.name,
      broker,
      pending: this.#size,
      error: rest.error,
    });
    this.#keep(copy);
  }

  get #isFull(): boolean {
    const { maxCopies = MAX_COPIES, maxBytes = MAX_BYTES } = this.#options;
    return this.#size > maxCopies || this.#bytes > maxBytes;
  }

  #count({ message }: Copy, sign: 1 | -1): void {
    this.#size += sign;
    this.#bytes += sign * (message.body?.length ?? 0);
  }

  /** Gives every copy up that waits; those under way end with their tickets. */
  close(): void {
    this.#isClosed = true;
    const error = new BuscouplerError('BC_LIFECYCLE', 'The bus was closed before the copy was stored.');
    for (const copies of this.#waiting.values()) for (const copy of copies) this.#lose(copy, error);
    this.#waiting.clear();
  }

  #keep(copy: Copy): void {
    const { broker } = copy.leg;
    const copies = this.#waiting.get(broker) ?? [];
    this.#waiting.set(broker, copies);
    copies.push(copy);
    this.#schedule(broker);
  }

  #schedule(broker: BrokerName): void {
    if (this.#scheduled.has(broker)) return;
    this.#scheduled.add(broker);
    const { clock, random } = this.#options;
    const failures = this.#failures.get(broker) ?? 0;
    clock.schedule(
      () => {
        this.#scheduled.delete(broker);
        this.#tryAgain(broker);
      },
      backoffDelayMs(BACKOFF, failures + 1, random),
    );
  }

  #tryAgain(broker: BrokerName): void {
    const copies = this.#waiting.get(broker) ?? [];
    const isProbe = (this.#failures.get(broker) ?? 0) > 0;
    for (const copy of copies.splice(0, isProbe ? 1 : copies.length)) this.#send(copy);
  }

  #send(copy: Copy): void {
    const owner: TicketOwner = { ticketSettled: (_, outcome) => this.#settled(copy, outcome) };
    const ticket = new Ticket(copy.message, this.#options.clock.monotonicMs() + TRY_TIMEOUT_MS, owner);
    this.#options.book.add(ticket);
    copy.leg.publisher.publish(ticket);
  }

  #settled(copy: Copy, outcome: PublishOutcome): void {
    const { broker } = copy.leg;
    if (outcome.status === 'stored') {
      this.#count(copy, -1);
      this.#failures.set(broker, 0);
      this.#options.emit('copy-stored', { topic: copy.route.topic.name, broker, pending: this.#size });
      this.#tryAgain(broker);
      return;
    }
    this.#failures.set(broker, (this.#failures.get(broker) ?? 0) + 1);
    if (this.#isClosed || !outcome.error.retriable) this.#lose(copy, outcome.error);
    else this.#keep(copy);
  }

  #lose(copy: Copy, error: BuscouplerError): void {
    this.#count(copy, -1);
    const { leg, message, route } = copy;
    this.#options.emit('copy-lost', { topic: route.topic.name, broker: leg.broker, id: message.id, error });
  }
}
