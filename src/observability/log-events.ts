import { type BuscouplerError, describeError } from '../contract/errors.js';
import type { BusEventName, BusEvents } from '../contract/events.js';
import type { Logger } from '../contract/logger.js';
import type { BrokerName } from '../contract/message.js';
import type { MessageBus } from '../contract/message-bus.js';
import type { Mark } from './marks.js';

interface EventLine<Event> {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly mark: Mark;
  readonly text: (event: Event) => string;
}

type EventLines = { readonly [Name in BusEventName]: EventLine<BusEvents[Name]> };

const PRODUCTS: Readonly<Record<BrokerName, string>> = { kafka: 'Kafka', rabbitmq: 'RabbitMQ' };
const PLACES: Readonly<Record<BrokerName, string>> = { kafka: 'brokers', rabbitmq: 'at' };

const roleOf = (role: string): string =>
  role === 'publisher' ? 'Producer' : `${role.charAt(0).toUpperCase()}${role.slice(1)}`;

const because = (error: BuscouplerError | unknown): string => describeError(error).trim();

/** A line per event; a new event does not compile without one. */
const LINES: EventLines = {
  'broker-connecting': {
    level: 'info',
    mark: 'connection',
    text: ({ broker, address }) =>
      `Attempting to connect to ${PRODUCTS[broker]} ${PLACES[broker]}: ${address}...`,
  },
  'broker-connected': {
    level: 'info',
    mark: 'success',
    text: ({ broker, role }) => `${PRODUCTS[broker]} ${roleOf(role)} connected`,
  },
  'broker-lost': {
    level: 'warn',
    mark: 'warning',
    text: ({ broker, error }) => `${PRODUCTS[broker]} lost, trying again: ${because(error)}`,
  },
  'broker-recovered': {
    level: 'info',
    mark: 'success',
    text: ({ broker, afterMs }) => `${PRODUCTS[broker]} recovered after ${Math.round(afterMs)} ms`,
  },
  'broker-blocked': {
    level: 'warn',
    mark: 'warning',
    text: ({ broker, reason }) => `${PRODUCTS[broker]} takes no messages for now: ${reason}`,
  },
  'broker-unblocked': {
    level: 'info',
    mark: 'success',
    text: ({ broker }) => `${PRODUCTS[broker]} takes messages again`,
  },
  'broker-degraded': {
    level: 'warn',
    mark: 'warning',
    text: ({ broker, error }) =>
      `Started without ${PRODUCTS[broker]}, which joins by itself: ${because(error)}`,
  },
  'place-created': {
    level: 'info',
    mark: 'success',
    text: ({ broker, kind, name }) => `${PRODUCTS[broker]} ${kind} '${name}' created`,
  },
  'consumer-started': {
    level: 'info',
    mark: 'consuming',
    // The guide's line; broker and consumer are fields.
    text: ({ topic, group }) => `Waiting for messages in topic '${topic}' (Group: ${group})...`,
  },
  'consumer-stopped': {
    level: 'info',
    mark: 'consuming',
    text: ({ consumer, broker, unsettled }) =>
      `Consumer ${consumer} stopped on ${PRODUCTS[broker]}, ${unsettled} unsettled`,
  },
  'consumer-paused': {
    level: 'warn',
    mark: 'warning',
    text: ({ consumer, reason }) => `Consumer ${consumer} paused: ${reason}`,
  },
  'consumer-resumed': {
    level: 'info',
    mark: 'consuming',
    text: ({ consumer }) => `Consumer ${consumer} resumed`,
  },
  'consumer-moving': {
    level: 'info',
    mark: 'consuming',
    text: ({ consumer, from, to }) => `Consumer ${consumer} moves from ${PRODUCTS[from]} to ${PRODUCTS[to]}`,
  },
  'consumer-moved': {
    level: 'info',
    mark: 'success',
    text: ({ consumer, to, tookMs }) =>
      `Consumer ${consumer} is fed by ${PRODUCTS[to]}, after ${Math.round(tookMs)} ms`,
  },
  'consumer-move-refused': {
    level: 'error',
    mark: 'error',
    text: ({ consumer, from, error }) => `Consumer ${consumer} stays on ${PRODUCTS[from]}: ${because(error)}`,
  },
  'consumer-failed': {
    level: 'error',
    mark: 'error',
    text: ({ consumer, broker, error }) =>
      `Consumer ${consumer} failed on ${PRODUCTS[broker]} and is built anew: ${because(error)}`,
  },
  'partition-paused': {
    level: 'error',
    mark: 'error',
    text: ({ consumer, topic, partition, offset, error }) =>
      `Consumer ${consumer} paused topic '${topic}' (Partition: ${partition}, Offset: ${offset}): ${because(error)}`,
  },
  'partition-resumed': {
    level: 'warn',
    mark: 'warning',
    text: ({ consumer, topic, partition, firstOffset, lastOffset, isStored }) =>
      `Consumer ${consumer} skipped offsets ${firstOffset} to ${lastOffset} of topic '${topic}' (Partition: ${partition}); ${isStored ? 'their bytes are a dead letter' : 'their bytes could NOT be stored as a dead letter and are in the topic only'}`,
  },
  'attempt-failed': {
    level: 'warn',
    mark: 'warning',
    text: ({ consumer, id, attempt, willRetry, error }) =>
      `Consumer ${consumer} failed on message ${id} (Attempt: ${attempt}, ${willRetry ? 'will retry' : 'gives up'}): ${because(error)}`,
  },
  'retry-stored': {
    level: 'debug',
    mark: 'consuming',
    text: ({ consumer, id, broker, attempt, delayMs }) =>
      `Message ${id} comes back to consumer ${consumer} on ${PRODUCTS[broker]} in ${delayMs} ms (Copy: ${attempt})`,
  },
  'retry-store-failed': {
    level: 'error',
    mark: 'error',
    text: ({ consumer, id, broker, error }) =>
      `Message ${id} of consumer ${consumer} cannot be stored for a retry on ${PRODUCTS[broker]} and stays: ${because(error)}`,
  },
  'dead-lettered': {
    level: 'warn',
    mark: 'dead-letter',
    text: ({ consumer, id, broker, reason, place }) =>
      `Message ${id} of consumer ${consumer} sent to '${place}' on ${PRODUCTS[broker]}: ${reason}`,
  },
  'dead-letter-failed': {
    level: 'error',
    mark: 'error',
    text: ({ consumer, id, broker, error }) =>
      `Message ${id} of consumer ${consumer} cannot be stored as a dead letter on ${PRODUCTS[broker]} and stays: ${because(error)}`,
  },
  dropped: {
    level: 'warn',
    mark: 'warning',
    text: ({ consumer, id, reason }) => `Message ${id} dropped by consumer ${consumer}: ${reason}`,
  },
  'copy-pending': {
    level: 'warn',
    mark: 'warning',
    text: ({ topic, broker, pending, error }) =>
      `A copy for topic '${topic}' on ${PRODUCTS[broker]} waits (${pending} in all): ${because(error)}`,
  },
  'copy-stored': {
    level: 'info',
    mark: 'success',
    text: ({ topic, broker, pending }) =>
      `A copy for topic '${topic}' on ${PRODUCTS[broker]} was stored late (${pending} still wait)`,
  },
  'copy-lost': {
    level: 'error',
    mark: 'error',
    text: ({ topic, broker, id, error }) =>
      `The copy of message ${id} for topic '${topic}' on ${PRODUCTS[broker]} was given up: ${because(error)}`,
  },
  'outbox-parked': {
    level: 'error',
    mark: 'error',
    text: ({ topic, id, broker, error }) =>
      `Message ${id} of the outbox for topic '${topic}' is refused by ${PRODUCTS[broker]} and kept: ${because(error)}`,
  },
  'outbox-lagging': {
    level: 'warn',
    mark: 'warning',
    text: ({ pending, oldestAgeMs }) =>
      `The outbox lags: ${pending} copies wait, the oldest for ${Math.round(oldestAgeMs)} ms`,
  },
  'outbox-caught-up': {
    level: 'info',
    mark: 'success',
    text: ({ pending }) => `The outbox has caught up (${pending} copies wait)`,
  },
  'outbox-lost': {
    level: 'warn',
    mark: 'warning',
    text: ({ error }) => `The outbox does not answer, trying again: ${because(error)}`,
  },
  'outbox-recovered': {
    level: 'info',
    mark: 'success',
    text: ({ afterMs }) => `The outbox answers again after ${Math.round(afterMs)} ms`,
  },
  warning: { level: 'warn', mark: 'warning', text: ({ what }) => what },
};

/** Level and mark of the line of an event. */
export const lineOf = (name: BusEventName): Pick<EventLine<never>, 'level' | 'mark'> => LINES[name];

/** Every name of an event, in the order of the log table. */
export const EVENT_NAMES = Object.keys(LINES) as readonly BusEventName[];

/** Writes one line per event of the bus. Returns a function that ends it. */
export function logEvents(on: MessageBus['on'], logger: Logger): () => void {
  const stops = EVENT_NAMES.map((name) => on(name, (event) => logEvent(logger, name, event)));
  return () => {
    for (const stop of stops) stop();
  };
}

/** Writes the line of one event. */
export function logEvent<Name extends BusEventName>(
  logger: Logger,
  name: Name,
  event: BusEvents[Name],
): void {
  const { level, mark, text } = LINES[name];
  if (!logger.isLevelEnabled(level)) return;
  const { error, ...fields } = event as BusEvents[Name] & { error?: unknown };
  const err = 'error' in event ? { err: error } : {};
  logger[level]({ event: name, mark, ...fields, ...err }, text(event));
}
