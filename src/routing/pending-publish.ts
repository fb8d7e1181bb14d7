import type { PublishOutcome } from '../contract/broker.js';
import type { BuscouplerError } from '../contract/errors.js';
import type { BrokerName, OutgoingMessage } from '../contract/message.js';
import type { BrokerOutcome, Receipt } from '../contract/message-bus.js';
import { PublishFailedError, PublishUncertainError } from '../contract/publish-errors.js';
import type { Ticket, TicketOwner } from '../delivery/publish-ticket.js';
import type { Route } from './route.js';

/** Takes over the copies that a satisfied policy leaves behind. */
export interface LeftoverSink {
  /** The publish is resolved; this broker has not stored it yet and `error` is why. */
  takeOver(
    route: Route,
    broker: BrokerName,
    rest: { message: OutgoingMessage; error: BuscouplerError },
  ): void;
}

/** What a broker answered that did not store. */
type NotStored = Exclude<PublishOutcome, { readonly status: 'stored' }>;

/** How a publish ends. */
export interface PublishEnd {
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: BuscouplerError) => void;
}

/** One publish under way: joins the outcomes of its brokers and ends by the route's policy. */
export class PendingPublish implements TicketOwner {
  readonly #route: Route;
  readonly #message: OutgoingMessage;
  readonly #end: PublishEnd;
  readonly #leftovers: LeftoverSink;
  /** Of those that did not store, by index of the route's legs; made for the first of them. */
  #failures: (NotStored | undefined)[] | null = null;
  /** One bit per leg of the route. */
  #stored = 0;
  #unanswered: number;
  isAwaited = true;
  /** Told when it is ended, to drop the caller's abort listener. */
  onEnd: (() => void) | null = null;

  constructor(
    route: Route,
    { message, end, leftovers }: { message: OutgoingMessage; end: PublishEnd; leftovers: LeftoverSink },
  ) {
    this.#route = route;
    this.#message = message;
    this.#end = end;
    this.#leftovers = leftovers;
    this.#unanswered = route.legs.length;
  }

  ticketSettled({ index }: Ticket, outcome: PublishOutcome): void {
    this.#unanswered -= 1;
    if (outcome.status === 'stored') this.#stored |= 1 << index;
    else {
      this.#failures ??= this.#route.legs.map(() => undefined);
      this.#failures[index] = outcome;
    }
    if (!this.isAwaited) this.#leaveBehind(index);
    else if (this.#isSatisfied()) this.#succeed();
    else if (this.#unanswered === 0) this.#fail();
  }

  #isStored(index: number): boolean {
    return (this.#stored & (1 << index)) !== 0;
  }

  #isSatisfied(): boolean {
    const { policy, primaryIndex } = this.#route;
    if (policy === 'all') return this.#isStoredByAll;
    return policy === 'any' ? this.#stored !== 0 : this.#isStored(primaryIndex);
  }

  get #isStoredByAll(): boolean {
    return this.#unanswered === 0 && this.#failures === null;
  }

  #succeed(): void {
    this.isAwaited = false;
    this.onEnd?.();
    const { legs, allStored } = this.#route;
    if (this.#isStoredByAll) {
      this.#end.resolve({ id: this.#message.id, brokers: allStored });
      return;
    }
    // What did not answer yet, or failed, is tried on in the background.
    this.#end.resolve(this.#receipt(() => 'pending'));
    for (let index = 0; index < legs.length; index += 1) this.#leaveBehind(index);
  }

  /** A copy that failed before or after the others satisfied the policy. */
  #leaveBehind(index: number): void {
    const leg = this.#route.legs[index];
    const failure = this.#failures?.[index];
    if (leg === undefined || failure === undefined) return;
    this.#leftovers.takeOver(this.#route, leg.broker, { message: this.#message, error: failure.error });
  }

  #fail(): void {
    this.isAwaited = false;
    this.onEnd?.();
    const failures = this.#failures ?? [];
    const errors: Partial<Record<BrokerName, BuscouplerError>> = {};
    this.#route.legs.forEach(({ broker }, index) => {
      const failure = failures[index];
      if (failure !== undefined) errors[broker] = failure.error;
    });
    const receipt = this.#receipt((index) => failures[index]?.status ?? 'uncertain');
    const isNowhere = failures.every((failure) => failure?.status === 'failed');
    this.#end.reject(
      isNowhere ? new PublishFailedError(receipt, errors) : new PublishUncertainError(receipt, errors),
    );
  }

  /** `nameOpen` names what is not stored. */
  #receipt(nameOpen: (index: number) => BrokerOutcome): Receipt {
    const brokers: Partial<Record<BrokerName, BrokerOutcome>> = {};
    this.#route.legs.forEach(({ broker }, index) => {
      brokers[broker] = this.#isStored(index) ? 'stored' : nameOpen(index);
    });
    return { id: this.#message.id, brokers };
  }
}
