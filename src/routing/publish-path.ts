import type { Clock } from '../contract/clock.js';
import { BuscouplerError, describeError } from '../contract/errors.js';
import type { OutgoingMessage } from '../contract/message.js';
import type { PublishOptions, Receipt } from '../contract/message-bus.js';
import { Ticket, type TicketBook } from '../delivery/publish-ticket.js';
import { type LeftoverSink, PendingPublish } from './pending-publish.js';
import { limitOf, type Route } from './route.js';

/** What publishing needs besides the route. */
export interface PublishPathOptions {
  readonly clock: Clock;
  readonly book: TicketBook;
  readonly leftovers: LeftoverSink;
  /** Deadline of a publish, ms. */
  readonly timeoutMs: number;
}

const NO_OPTIONS: PublishOptions = Object.freeze({});

/** Publishes one message along a route: composed once, one ticket per broker, one deadline. */
export type PublishAlong = (route: Route, data: unknown, options?: PublishOptions) => Promise<Receipt>;

/** Makes the publish path of a bus. */
export function createPublishPath({ clock, book, leftovers, timeoutMs }: PublishPathOptions): PublishAlong {
  function send(route: Route, message: OutgoingMessage, options: PublishOptions): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const pending = new PendingPublish(route, message, { resolve, reject, leftovers });
      const deadlineMs = clock.monotonicMs() + (options.timeoutMs ?? timeoutMs);
      const { legs } = route;
      const tickets = options.signal === undefined ? null : ([] as Ticket[]);
      for (let index = 0; index < legs.length; index += 1) {
        const ticket = new Ticket(message, deadlineMs, pending, index);
        book.add(ticket);
        tickets?.push(ticket);
        legs[index]?.publisher.publish(ticket);
      }
      if (options.signal !== undefined && tickets !== null) abortWith(options.signal, tickets, pending);
    });
  }

  return (route, data, options = NO_OPTIONS) => {
    try {
      if (options.signal?.aborted) throw aborted();
      const composed = route.compose(data, options);
      if (composed instanceof Promise) {
        return composed.then((message) => {
          checkSize(route, message, options);
          return send(route, message, options);
        });
      }
      checkSize(route, composed, options);
      return send(route, composed, options);
    } catch (error) {
      return Promise.reject(asBusError(error));
    }
  };
}

function aborted(): BuscouplerError {
  return new BuscouplerError('BC_PUBLISH_ABORTED', 'The publish was aborted before anything was sent.');
}

function abortWith(signal: AbortSignal, tickets: readonly Ticket[], pending: PendingPublish): void {
  const abort = (): void => {
    for (const ticket of tickets)
      ticket.abandon('BC_PUBLISH_ABORTED', 'The publish was aborted by its caller.');
  };
  signal.addEventListener('abort', abort, { once: true });
  pending.onEnd = () => signal.removeEventListener('abort', abort);
}

/** Refused before either broker sees it: a message that only one of them takes would be on one side only. */
function checkSize(route: Route, message: OutgoingMessage, { headers }: PublishOptions): void {
  let bytes = message.body?.length ?? 0;
  for (const name in headers) bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '');
  const limit = limitOf(route);
  if (bytes <= limit) return;
  throw new BuscouplerError(
    'BC_MESSAGE_TOO_LARGE',
    `A message for topic "${route.topic.name}" has ${bytes} bytes; every broker of its route takes ${limit}.`,
  );
}

function asBusError(error: unknown): BuscouplerError {
  if (error instanceof BuscouplerError) return error;
  return new BuscouplerError(
    'BC_MESSAGE_INVALID',
    `The message cannot be published (${describeError(error)}).`,
    {
      cause: error,
    },
  );
}
