import { type PublishTicket, STORED } from '../../contract/broker.js';
import { BuscouplerError, type ErrorCode } from '../../contract/errors.js';
import type { OutgoingMessage } from '../../contract/message.js';

/** A ticket with where it goes: what waits, and what is sent and unconfirmed. */
export interface Parcel {
  readonly ticket: PublishTicket;
  readonly target: Target;
  readonly routingKey: string;
  /** Body and headers, for the bounds. */
  readonly bytes: number;
  /** The server returned it: its confirm, which follows, means nothing. */
  isReturned: boolean;
  /** It was sent before on a channel that died, so it can be stored whatever becomes of this try. */
  isResent: boolean;
}

/** What is known of an exchange. Publishing to one that is missing would close the channel that all share. */
export interface ExchangeState {
  readonly exchange: string;
  /** `unknown`: it is looked for before the first use. */
  knowledge: 'good' | 'unknown' | 'asking';
  /** What waits for the answer, in order. */
  readonly parked: Parcel[];
  /** Why the server refuses it, until when (monotonic ms): a refusal costs the channel, so it is not asked each time. */
  refusal: { readonly error: BuscouplerError; readonly untilMs: number } | null;
  /** Something was stored through it: then a channel that dies of it may have stored more than it confirmed. */
  hasStored: boolean;
}

/** Where parcels of one destination go. */
export interface Target {
  readonly exchange: ExchangeState;
  /** For errors: `exchange "a"`. */
  readonly label: string;
  /** Without it the server accepts, and drops, what no queue is bound for. */
  readonly isMandatory: boolean;
  /** One queue, named directly: its refusal means that nothing was stored. */
  readonly isOneQueue: boolean;
  /** Throws what the topic's function throws. */
  readonly routingKeyOf: (message: OutgoingMessage) => string;
  /** Told when a message was returned because its queue does not exist. */
  readonly isMissing?: () => void;
}

/** Settles a parcel of which this try stored nothing. */
export function settleRefused(parcel: Parcel, error: BuscouplerError): void {
  parcel.ticket.settle({ status: parcel.isResent ? 'uncertain' : 'failed', error });
}

/** Settles a ticket that never left. */
export function refuseTicket(ticket: PublishTicket, code: ErrorCode, what: string, cause?: unknown): void {
  const options = cause === undefined ? {} : { cause };
  ticket.settle({ status: 'failed', error: new BuscouplerError(code, what, options) });
}

/** Settles a parcel that the server confirmed: it is stored, unless it was returned before. */
export function settleConfirmed(parcel: Parcel): void {
  if (parcel.isReturned) {
    settleRefused(parcel, unroutable(parcel));
    parcel.target.isMissing?.();
    return;
  }
  parcel.target.exchange.hasStored = true;
  parcel.ticket.settle(STORED);
}

function unroutable({ target, routingKey }: Parcel): BuscouplerError {
  return target.isOneQueue
    ? new BuscouplerError('BC_PLACE_MISSING', `The queue "${routingKey}" does not exist.`)
    : new BuscouplerError('BC_UNROUTABLE', `No queue is bound to the ${target.label} for "${routingKey}".`);
}

/** Settles a parcel that the server refused. Behind an exchange one full queue refuses what another has stored. */
export function settleNacked({ target, isResent, ticket }: Parcel): void {
  const error = new BuscouplerError(
    'BC_PUBLISH_REFUSED',
    `RabbitMQ refused a message for the ${target.label}.`,
  );
  ticket.settle({ status: target.isOneQueue && !isResent ? 'failed' : 'uncertain', error });
}
