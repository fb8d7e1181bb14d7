import type { PublishOutcome } from '../contract/broker.js';
import type { BuscouplerError } from '../contract/errors.js';
import type { BrokerName, OutgoingMessage } from '../contract/message.js';
import type { BrokerOutcome, Receipt } from '../contract/message-bus.js';
import { type BrokerErrors, PublishFailedError, PublishUncertainError } from '../contract/publish-errors.js';
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
  /** By index of the route's legs; absent: no answer yet. */
  readonly #outcomes: PublishOutcome[] = [];
  #unanswered: number;
  #stored = 0;
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
    this.#outcomes[index] = outcome;
    if (outcome.status === 'stored') this.#stored += 1;
    if (!this.isAwaited) this.#leaveBehind(index);
    else if (this.#isSatisfied()) this.#succeed();
    else if (this.#unanswered === 0) this.#fail();
  }

  #isSatisfied(): boolean {
    const { policy, legs, primaryIndex } = this.#route;
    if (policy === 'all') return this.#stored === legs.length;
    return policy === 'any' ? this.#stored > 0 : this.#outcomes[primaryIndex]?.status === 'stored';
  }

  #succeed(): void {
    this.isAwaited = false;
    this.onEnd?.();
    const { legs, allStored } = this.#route;
    if (this.#stored === legs.length) {
      this.#end.resolve({ id: this.#message.id, brokers: allStored });
      return;
    }
    this.#end.resolve(this.#receipt(() => 'pending'));
    for (let index = 0; index < legs.length; index += 1) this.#leaveBehind(index);
  }

  /** A copy that failed after, or before, the policy was satisfied by the others. */
  #leaveBehind(index: number): void {
    const leg = this.#route.legs[index];
    const outcome = this.#outcomes[index];
    if (leg === undefined || outcome === undefined || outcome.status === 'stored') return;
    const rest = { message: this.#message, error: outcome.error };
    this.#leftovers.takeOver(this.#route, leg.broker, rest);
  }

  #fail(): void {
    this.isAwaited = false;
    this.onEnd?.();
    const errors: Partial<Record<BrokerName, BuscouplerError>> = {};
    this.#route.legs.forEach(({ broker }, index) => {
      const outcome = this.#outcomes[index];
      if (outcome !== undefined && outcome.status !== 'stored') errors[broker] = outcome.error;
    });
    this.#end.reject(this.#errorOf(errors));
  }

  #errorOf(errors: BrokerErrors): BuscouplerError {
    const receipt = this.#receipt((status) => status);
    return this.#outcomes.every(({ status }) => status === 'failed')
      ? new PublishFailedError(receipt, errors)
      : new PublishUncertainError(receipt, errors);
  }

  /** `nameOpen` names what is not `stored`: a broker that is tried on in the background is `pending`. */
  #receipt(nameOpen: (status: BrokerOutcome) => BrokerOutcome): Receipt {
    const brokers: Partial<Record<BrokerName, BrokerOutcome>> = {};
    this.#route.legs.forEach(({ broker }, index) => {
      const status = this.#outcomes[index]?.status ?? 'pending';
      brokers[broker] = status === 'stored' ? status : nameOpen(status);
    });
    return { id: this.#message.id, brokers };
  }
}
