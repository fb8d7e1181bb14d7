import type { PublishOutcome } from '../contract/broker.js';
import type { BuscouplerError } from '../contract/errors.js';
import type { BrokerName, OutgoingMessage } from '../contract/message.js';
import type { BrokerOutcome, Receipt } from '../contract/message-bus.js';
import { type BrokerErrors, PublishFailedError, PublishUncertainError } from '../contract/publish-errors.js';
import type { Ticket, TicketOwner } from '../delivery/publish-ticket.js';
import type { Route } from './route.js';

/** Takes over the copies that a satisfied policy leaves behind. */
export interface LeftoverSink {
  /** The publish is resolved; this broker has not stored it yet and `outcome` is why. */
  takeOver(
    route: Route,
    broker: BrokerName,
    rest: { message: OutgoingMessage; error: BuscouplerError },
  ): void;
}

/** One publish under way: joins the outcomes of its brokers and ends by the route's policy. */
export class PendingPublish implements TicketOwner {
  readonly #route: Route;
  readonly #message: OutgoingMessage;
  readonly #resolve: (receipt: Receipt) => void;
  readonly #reject: (error: BuscouplerError) => void;
  readonly #leftovers: LeftoverSink;
  /** By index of the route's legs; `null`: no answer yet. */
  readonly #outcomes: (PublishOutcome | null)[];
  #unanswered: number;
  #isEnded = false;
  /** Told when it is ended, to drop the caller's abort listener. */
  onEnd: (() => void) | null = null;

  constructor(
    route: Route,
    message: OutgoingMessage,
    end: {
      resolve: (receipt: Receipt) => void;
      reject: (error: BuscouplerError) => void;
      leftovers: LeftoverSink;
    },
  ) {
    this.#route = route;
    this.#message = message;
    this.#resolve = end.resolve;
    this.#reject = end.reject;
    this.#leftovers = end.leftovers;
    this.#unanswered = route.legs.length;
    this.#outcomes = route.legs.length === 1 ? [null] : route.legs.map(() => null);
  }

  ticketSettled(ticket: Ticket, outcome: PublishOutcome): void {
    this.#outcomes[ticket.index] = outcome;
    this.#unanswered -= 1;
    if (this.#isEnded) {
      if (outcome.status !== 'stored') this.#leaveBehind(ticket.index, outcome.error);
      return;
    }
    if (this.#isSatisfied()) this.#succeed();
    else if (this.#unanswered === 0) this.#fail();
  }

  #isSatisfied(): boolean {
    const { policy, legs, primary } = this.#route;
    if (policy === 'all')
      return this.#unanswered === 0 && this.#outcomes.every((one) => one?.status === 'stored');
    return legs.some(
      ({ broker }, index) =>
        this.#outcomes[index]?.status === 'stored' && (policy === 'any' || broker === primary),
    );
  }

  #succeed(): void {
    this.#isEnded = true;
    this.onEnd?.();
    this.#resolve(this.#receipt('pending'));
    if (this.#route.policy === 'all') return;
    this.#outcomes.forEach((outcome, index) => {
      if (outcome !== null && outcome.status !== 'stored') this.#leaveBehind(index, outcome.error);
    });
  }

  #leaveBehind(index: number, error: BuscouplerError): void {
    const leg = this.#route.legs[index];
    if (leg !== undefined)
      this.#leftovers.takeOver(this.#route, leg.broker, { message: this.#message, error });
  }

  #fail(): void {
    this.#isEnded = true;
    this.onEnd?.();
    const errors: Partial<Record<BrokerName, BuscouplerError>> = {};
    this.#route.legs.forEach(({ broker }, index) => {
      const outcome = this.#outcomes[index];
      if (outcome && outcome.status !== 'stored') errors[broker] = outcome.error;
    });
    this.#reject(this.#errorOf(errors));
  }

  #errorOf(errors: BrokerErrors): BuscouplerError {
    const isNowhere = this.#outcomes.every((outcome) => outcome?.status === 'failed');
    return isNowhere
      ? new PublishFailedError(this.#receipt('failed'), errors)
      : new PublishUncertainError(this.#receipt('uncertain'), errors);
  }

  /** `open`: the word for a broker that is not `stored`. A broker that is tried on in the background is `pending`. */
  #receipt(open: BrokerOutcome): Receipt {
    const brokers: Partial<Record<BrokerName, BrokerOutcome>> = {};
    this.#route.legs.forEach(({ broker }, index) => {
      const status = this.#outcomes[index]?.status;
      brokers[broker] = status === 'stored' || open !== 'pending' ? (status ?? open) : 'pending';
    });
    return { id: this.#message.id, brokers };
  }
}
