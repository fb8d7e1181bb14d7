import type { Headers, HeaderValue } from '../contract/message.js';
import { readText } from '../messages/headers.js';
import type { DeadLetterReason } from './failure.js';

/** What RabbitMQ says of a message that it gave up on by itself. */
export interface NativeDeath {
  readonly reason: DeadLetterReason;
  /** RabbitMQ's own word: `delivery_limit`, `expired`, `rejected`, `maxlen`. */
  readonly word: string;
  /** When it died first of this in this queue, ms since the epoch, to the second; `null`: not said. */
  readonly atMs: number | null;
  readonly queue: string | null;
  readonly exchange: string | null;
  readonly routingKey: string | null;
}

const REASONS: Readonly<Record<string, DeadLetterReason>> = {
  delivery_limit: 'poison',
  expired: 'expired',
  rejected: 'rejected',
  maxlen: 'rejected',
};

const isTable = (value: HeaderValue | undefined): value is Headers =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);

function readSeconds(time: HeaderValue | undefined): number | null {
  const seconds = isTable(time) ? time.value : time;
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1000 : null;
}

/**
 * The death that brought the message where it lies, out of `x-death`; `null`: it did not die of the broker. The list
 * begins with the latest one: what follows is, for instance, the way through retry queues before.
 */
export function nativeDeathOf(headers: Headers): NativeDeath | null {
  const deaths = Object.hasOwn(headers, 'x-death') ? headers['x-death'] : null;
  const latest = Array.isArray(deaths) ? deaths[0] : undefined;
  if (!isTable(latest)) return null;
  const word = readText(latest, 'reason');
  if (word === null) return null;
  const keys = Object.hasOwn(latest, 'routing-keys') ? latest['routing-keys'] : null;
  const key = Array.isArray(keys) ? keys[0] : null;
  return {
    reason: Object.hasOwn(REASONS, word) ? (REASONS[word] as DeadLetterReason) : 'rejected',
    word,
    atMs: Object.hasOwn(latest, 'time') ? readSeconds(latest.time) : null,
    queue: readText(latest, 'queue'),
    exchange: readText(latest, 'exchange'),
    routingKey: typeof key === 'string' ? key : null,
  };
}
