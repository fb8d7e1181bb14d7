import type { InboxState } from '../contract/inbox.js';
import type { Headers, HeaderValue, IncomingMessage, OutgoingMessage } from '../contract/message.js';
import { withoutBrokerHeaders } from '../messages/broker-headers.js';
import { HEADERS } from '../messages/header-names.js';
import { readText } from '../messages/headers.js';
import { isoTime } from '../messages/ids.js';
import type { DeskLetter } from './desk-letter.js';

/** What a letter has beyond its message: it must not stand on a copy that may die anew of something else. */
const OF_THE_LETTER: readonly string[] = [
  HEADERS.originalTopic,
  HEADERS.failedAt,
  HEADERS.originalPartition,
  HEADERS.originalOffset,
  HEADERS.originalExchange,
  HEADERS.originalRoutingKey,
  HEADERS.originalQueue,
  HEADERS.failedConsumer,
  HEADERS.reason,
  HEADERS.errorType,
  HEADERS.errorMessage,
  HEADERS.errorStack,
  HEADERS.attempt,
  HEADERS.key,
  HEADERS.firstFailedAt,
  HEADERS.dueAt,
  HEADERS.consumer,
];

/** A longer key, which only foreign producers give, is not repeated in a header. */
const KEY_MAX_BYTES = 4 * 1024;

/** Which generation a copy is of, and whether somebody recognises it should it be published twice. */
export interface Generation {
  readonly number: number;
  /** A new generation begins at attempt 1. The same one goes on where it was: a lower attempt counts as settled. */
  readonly isNew: boolean;
  /** `inbox`: published twice it has one effect. `none`: an effect can repeat. */
  readonly guard: 'inbox' | 'none';
}

/** What the inbox knows of a letter's copy. `unknown`: nobody can be asked. */
export type KnownState = InboxState | 'absent' | 'unknown';

/**
 * Raised only where the letter's death was decided, or nobody can say: what the inbox holds for open goes on under its own
 * number, or a copy that is handled already would be handled again under a new one.
 */
export function generationOf({ summary }: DeskLetter, state: KnownState): Generation {
  const { replayCount } = summary;
  if (state === 'dead') return { number: replayCount + 1, isNew: true, guard: 'inbox' };
  if (state === 'unknown') return { number: replayCount + 1, isNew: true, guard: 'none' };
  return { number: replayCount, isNew: state === 'absent', guard: 'inbox' };
}

/** The parts of a letter that an operator may have mended. */
export interface MessageParts extends Pick<IncomingMessage, 'key' | 'body' | 'headers' | 'contentType'> {}

/** What a replay writes into its copies. */
export interface ReplayStamp {
  readonly generation: Generation;
  readonly consumer: string;
  readonly by: string;
  readonly nowMs: number;
}

/** The copy that goes to the consumer. A letter without an id is known by its reference from now on. */
export function replayMessageOf(
  { summary, stored }: DeskLetter,
  { key, body, headers, contentType }: MessageParts,
  stamp: ReplayStamp,
): OutgoingMessage {
  const id = summary.id ?? summary.ref;
  const kept = keptHeaders(headers, stamp.nowMs);
  const attempt = readText(stored.message.headers, HEADERS.attempt);
  if (!stamp.generation.isNew && attempt !== null) kept[HEADERS.attempt] = attempt;
  if (key !== null && Buffer.byteLength(key) <= KEY_MAX_BYTES) kept[HEADERS.key] = key;
  return {
    id,
    key,
    body,
    headers: Object.assign(kept, { [HEADERS.id]: id }, replayHeaders(stamp)),
    contentType: contentType ?? 'application/octet-stream',
    timestampMs: stamp.nowMs,
  };
}

const replayHeaders = ({ generation, consumer, by, nowMs }: ReplayStamp): Record<string, string> => ({
  [HEADERS.replayCount]: String(generation.number),
  [HEADERS.replayedAt]: isoTime(nowMs),
  [HEADERS.replayedBy]: by,
  [HEADERS.consumer]: consumer,
});

function keptHeaders(headers: Headers, nowMs: number): Record<string, HeaderValue> {
  const kept = withoutBrokerHeaders(headers);
  for (const name of OF_THE_LETTER) delete kept[name];
  // Who replays what expired means it to be handled all the same.
  if (Date.parse(readText(headers, HEADERS.expiresAt) ?? '') <= nowMs) delete kept[HEADERS.expiresAt];
  return kept;
}
