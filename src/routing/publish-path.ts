import { defaultMaxListeners, getMaxListeners, setMaxListeners } from 'node:events';
import type { Clock } from '../contract/clock.js';
import { BuscouplerError, describeError } from '../contract/errors.js';
import type { OutgoingMessage } from '../contract/message.js';
import type { PublishOptions, Receipt } from '../contract/message-bus.js';
import { Ticket, type TicketBook } from '../delivery/publish-ticket.js';
import { isThenable } from '../messages/thenable.js';
import type { StoreInOutbox } from './outbox-path.js';
import { type LeftoverSink, PendingPublish } from './pending-publish.js';
import { limitOf, type Route } from './route.js';

/** What publishing needs besides the route. */
export interface PublishPathOptions {
  readonly clock: Clock;
  readonly book: TicketBook;
  readonly leftovers: LeftoverSink;
  /** Where a publish with a session goes. */
  readonly storeInOutbox: StoreInOutbox;
  /** Deadline of a publish, ms. */
  readonly timeoutMs: number;
}

const NO_OPTIONS: PublishOptions = Object.freeze({});

/** Listeners on one signal from which on Node.js may warn of a leak: callers share a signal among many publishes. */
const MAX_ABORT_LISTENERS = 20_000;

/** Publishes one message along a route: composed once, one ticket per broker, one deadline. */
export type PublishAlong = (route: Route, data: unknown, options?: PublishOptions) => Promise<Receipt>;

/** Makes the publish path of a bus. */
export function createPublishPath(parts: PublishPathOptions): PublishAlong {
  const { clock, book, leftovers, storeInOutbox, timeoutMs } = parts;

  function send(route: Route, message: OutgoingMessage, options: PublishOptions): Promise<Receipt> {
    if (options.signal?.aborted) throw aborted();
    checkSize(route, message, options);
    if (options.session !== undefined) return storeInOutbox(route, message, options.session);
    return new Promise((resolve, reject) => {
      const pending = new PendingPublish(route, { message, end: { resolve, reject }, leftovers });
      const deadlineMs = clock.monotonicMs() + (options.timeoutMs ?? timeoutMs);
      const { legs } = route;
      const tickets: Ticket[] | null = options.signal === undefined ? null : [];
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
      if (!isThenable<OutgoingMessage>(composed)) return send(route, composed, options);
      return Promise.resolve(composed)
        .catch((error: unknown) => Promise.reject(asPublishError(error)))
        .then((message) => send(route, message, options));
    } catch (error) {
      return Promise.reject(asPublishError(error));
    }
  };
}

function aborted(): BuscouplerError {
  return new BuscouplerError('BC_PUBLISH_ABORTED', 'The publish was aborted before anything was sent.');
}

function abortWith(signal: AbortSignal, tickets: readonly Ticket[], pending: PendingPublish): void {
  if (!pending.isAwaited) return;
  const abort = (): void => {
    for (const ticket of tickets)
      ticket.abandon('BC_PUBLISH_ABORTED', 'The publish was aborted by its caller.');
  };
  if (getMaxListeners(signal) === defaultMaxListeners) setMaxListeners(MAX_ABORT_LISTENERS, signal);
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

/** What went wrong before anything was sent, whatever a schema, a key function or an option threw. */
export function asPublishError(error: unknown): BuscouplerError {
  if (error instanceof BuscouplerError) return error;
  return new BuscouplerError(
    'BC_MESSAGE_INVALID',
    `The message cannot be published (${describeError(error)}).`,
    {
      cause: error,
    },
  );
}
