import type { IncomingMessage, OutgoingMessage } from '../contract/message.js';
import { HEADERS } from '../messages/header-names.js';
import { isoTime } from '../messages/ids.js';
import { keptHeaders } from '../messages/kept-headers.js';

/** What a retry copy says besides what its original said. */
export interface RetryFacts {
  /** The message id, also for foreign messages that came without one. */
  readonly id: string;
  readonly consumer: string;
  /** Which copy it is; the original is 1. */
  readonly attempt: number;
  /** All three in ms since the epoch. */
  readonly firstFailedAtMs: number;
  readonly dueAtMs: number;
  readonly nowMs: number;
}

/**
 * The copy of a failed message that comes back to its consumer. Body, key, the caller's headers, identity, publish time,
 * expiry, trace and replay count are those of the original; its timestamp is fresh, because brokers count delays and
 * retention from it.
 */
export function retryCopyOf(incoming: IncomingMessage, facts: RetryFacts): OutgoingMessage {
  const headers = keptHeaders(incoming);
  Object.assign(headers, {
    [HEADERS.id]: facts.id,
    [HEADERS.attempt]: String(facts.attempt),
    [HEADERS.firstFailedAt]: isoTime(facts.firstFailedAtMs),
    [HEADERS.dueAt]: isoTime(facts.dueAtMs),
    [HEADERS.consumer]: facts.consumer,
  });
  return {
    id: facts.id,
    key: incoming.key,
    body: incoming.body,
    headers,
    contentType: incoming.contentType ?? 'application/octet-stream',
    timestampMs: facts.nowMs,
  };
}
