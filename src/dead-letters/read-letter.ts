import type { Headers, IncomingMessage } from '../contract/message.js';
import { HEADERS } from '../messages/header-names.js';
import { readInteger, readText } from '../messages/headers.js';
import type { DeadLetterReason } from './failure.js';
import { type NativeDeath, nativeDeathOf } from './native-death.js';
import { applicationFrameOf } from './stack-frame.js';

/** Where a message was when it was given up on; what its broker has no word for is `null`. */
export interface LetterOrigin {
  /** Name of the topic definition. */
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: string | null;
  readonly exchange: string | null;
  readonly routingKey: string | null;
  readonly queue: string | null;
}

/** What the last attempt met. */
export interface LetterError {
  readonly type: string | null;
  readonly message: string | null;
  /** First frame of the application, else the first one; see {@link applicationFrameOf}. */
  readonly frame: string | null;
}

/** A dead letter as an operator sees it. */
export interface DeadLetter {
  /** `null`: a foreign message that had none. */
  readonly id: string | null;
  /** Who gave up; `null`: not said (a message that somebody else put there). */
  readonly consumer: string | null;
  /** `null`: not said. */
  readonly reason: DeadLetterReason | null;
  /** Ms since the epoch; `null`: not said. */
  readonly failedAtMs: number | null;
  readonly origin: LetterOrigin;
  readonly error: LetterError;
  /** How often it was run; `null`: not known, as nobody counts what kills its counter. */
  readonly attempts: number | null;
  readonly replayCount: number;
  /** The broker gave it up by itself: nothing was decided, and no inbox knows of its death. */
  readonly isNative: boolean;
}

/** Whose dead-letter place it lies in. On RabbitMQ each consumer has its own, and the broker says no names. */
export interface LetterPlace {
  /** Name of the consumer. */
  readonly consumer: string;
  /** Name of its topic definition. */
  readonly topic: string;
}

const REASONS: ReadonlySet<string> = new Set<DeadLetterReason>([
  'attempts',
  'invalid',
  'expired',
  'rejected',
  'poison',
]);

/**
 * What a message in a dead-letter place says of its end, on both brokers, whether we or RabbitMQ gave it up. Never
 * throws: what is missing or broken is `null`.
 */
export function readLetter(message: IncomingMessage, place: LetterPlace): DeadLetter {
  const { id, headers } = message;
  // Letters of ours never carry the broker's own words of a death: they are stripped.
  const death = message.position.broker === 'rabbitmq' ? nativeDeathOf(headers) : null;
  const end = death === null ? readOwn(headers) : readNative(death, place);
  const replayCount = readInteger(headers, HEADERS.replayCount, { min: 0, fallback: 0 });
  return { id, ...end, replayCount, isNative: death !== null };
}

type End = Omit<DeadLetter, 'id' | 'replayCount' | 'isNative'>;

function readNative(death: NativeDeath, { consumer, topic }: LetterPlace): End {
  const { reason, word, atMs, queue, exchange, routingKey } = death;
  return {
    consumer,
    reason,
    failedAtMs: atMs,
    origin: { topic, partition: null, offset: null, exchange, routingKey, queue },
    error: { type: null, message: `RabbitMQ gave it up: ${word}.`, frame: null },
    attempts: null,
  };
}

function readOwn(headers: Headers): End {
  const reason = readText(headers, HEADERS.reason);
  const attempts = readInteger(headers, HEADERS.attempt, { min: 1, fallback: 0 });
  return {
    consumer: readText(headers, HEADERS.failedConsumer),
    reason: reason !== null && REASONS.has(reason) ? (reason as DeadLetterReason) : null,
    failedAtMs: readTime(headers, HEADERS.failedAt),
    origin: readOrigin(headers),
    error: {
      type: readText(headers, HEADERS.errorType),
      message: readText(headers, HEADERS.errorMessage),
      frame: applicationFrameOf(readText(headers, HEADERS.errorStack) ?? ''),
    },
    attempts: attempts === 0 ? null : attempts,
  };
}

function readOrigin(headers: Headers): LetterOrigin {
  const partition = readInteger(headers, HEADERS.originalPartition, { min: 0, fallback: -1 });
  return {
    topic: readText(headers, HEADERS.originalTopic),
    partition: partition < 0 ? null : partition,
    offset: readText(headers, HEADERS.originalOffset),
    exchange: readText(headers, HEADERS.originalExchange),
    routingKey: readText(headers, HEADERS.originalRoutingKey),
    queue: readText(headers, HEADERS.originalQueue),
  };
}

function readTime(headers: Headers, name: string): number | null {
  const epochMs = Date.parse(readText(headers, name) ?? '');
  return Number.isNaN(epochMs) ? null : epochMs;
}
