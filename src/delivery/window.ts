import type { Clock } from '../contract/clock.js';
import { BuscouplerError } from '../contract/errors.js';
import type { InboxCopy } from '../contract/inbox.js';
import type { IncomingMessage } from '../contract/message.js';
import { HEADERS } from '../messages/header-names.js';
import { readText } from '../messages/headers.js';
import { wait } from './backoff.js';
import type { Asker } from './bulk-asks.js';

/** How old a copy may be so that the inbox surely remembers its message. */
export interface Window {
  /** Of a copy that comes for the first time, ms since it was published. */
  readonly maxMessageAgeMs: number;
  /** Of a retry copy or a replay, ms since the message was published: the inbox' TTL less a margin for clocks. */
  readonly maxCopyAgeMs: number;
  /** What becomes of an older one. */
  readonly policy: 'stop' | 'run' | 'dead-letter';
}

/** Clocks of producers, brokers and instances may differ by this much, ms. */
const SKEW_MS = 3_600_000;

/** The age up to which a store remembers in spite of clocks that differ. */
export const surelyRememberedMs = (ttlMs: number): number => ttlMs - Math.min(SKEW_MS, ttlMs / 10);

/**
 * Why a copy is outside the window; `null`: it is inside, or nobody knows when it was published. The broker's time is
 * enough for a first copy; later ones carry a fresh one, so the publish time is read from the header.
 */
export function outsideWindow(
  window: Window,
  { message, copy }: { message: IncomingMessage; copy: InboxCopy },
  nowMs: number,
): BuscouplerError | null {
  const isFirst = copy.attempt === 1 && copy.generation === 0;
  const publishedMs = isFirst
    ? message.timestampMs
    : Date.parse(readText(message.headers, HEADERS.publishedAt) ?? '');
  const maxMs = isFirst ? window.maxMessageAgeMs : window.maxCopyAgeMs;
  if (publishedMs === null || !(nowMs - publishedMs > maxMs)) return null;
  const what = `Message ${copy.id} is ${Math.round((nowMs - publishedMs) / 1_000)} s old, more than the ${Math.round(maxMs / 1_000)} s for which it is certain that the inbox knows whether it was handled.`;
  return new BuscouplerError('BC_OUTSIDE_WINDOW', what);
}

/** What decides whether the age of a copy matters. */
export interface AgeScope {
  readonly window?: Window | null;
  /** `null`: no inbox, which could forget anything. */
  readonly gate: object | null;
  readonly clock: Clock;
}

/** Why a copy is too old for its consumer to be run; `null`: it is not, or its consumer runs copies of any age. */
export function tooOld(
  { window, gate, clock }: AgeScope,
  message: IncomingMessage,
  copy: InboxCopy,
): BuscouplerError | null {
  if (!window || window.policy === 'run' || gate === null) return null;
  return outsideWindow(window, { message, copy }, clock.epochMs());
}

/** How often a copy that is held back looks whether its delivery ended, ms. */
const HELD_LOOK_MS = 1_000;

/** Keeps a copy that must not be run, until its delivery or its consumer ends. */
export async function untilOver(clock: Clock, asker: Asker): Promise<void> {
  while (!asker.isOver) await wait(clock, HELD_LOOK_MS, asker.signal);
}
