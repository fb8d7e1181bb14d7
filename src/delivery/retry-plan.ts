import type { AnyConsumer, ResolvedRetry } from '../contract/consumer.js';
import type { IncomingMessage } from '../contract/message.js';
import { HEADERS } from '../messages/header-names.js';
import { readText, readTimeMs } from '../messages/headers.js';

/** A deferred retry: the delay whose place the copy waits in, and when it may run, ms since the epoch. */
export interface RetryStep {
  readonly delayMs: number;
  readonly dueAtMs: number;
}

/** What a retry is planned by. Times in ms since the epoch. */
export interface FailedCopy {
  /** Which copy failed; the original is 1. */
  readonly attempt: number;
  readonly firstFailedAtMs: number;
  readonly nowMs: number;
  /** When the handler wants to be run again; `null`: as the list of delays says. */
  readonly afterMs: number | null;
}

/** The place for a wait of at least so long: the shortest delay that is long enough, else the longest, more than once. */
export const delayFor = (deferredMs: readonly number[], remainingMs: number): number =>
  deferredMs.find((delayMs) => delayMs >= remainingMs) ?? (deferredMs.at(-1) as number);

/** When and where the next copy waits; `null`: there is none left, or it would run later than `maxAge` allows. */
export function planRetry({ deferredMs, maxAgeMs }: ResolvedRetry, failed: FailedCopy): RetryStep | null {
  const { attempt, firstFailedAtMs, nowMs, afterMs } = failed;
  const scheduledMs = deferredMs[attempt - 1];
  if (scheduledMs === undefined) return null;
  const delayMs = afterMs === null ? scheduledMs : delayFor(deferredMs, afterMs);
  const dueAtMs = nowMs + Math.max(delayMs, afterMs ?? 0);
  return dueAtMs - firstFailedAtMs > maxAgeMs ? null : { delayMs, dueAtMs };
}

/** Part of the shortest delay that a copy may be early by and waits for in its lane: clocks differ a little. */
const LANE_SHARE = 0.1;
const LANE_MAX_MS = 1_000;

/** A copy that came before its time: it waits so long in its lane, or goes round once more. */
export type EarlyCopy =
  | { readonly kind: 'wait'; readonly waitMs: number }
  | ({ readonly kind: 'hop' } & RetryStep);

/**
 * What to do with a copy that is due at a time; `null`: run it. A due time further away than `maxAge` was not written by
 * us, and says nothing.
 */
export function planEarly(
  { deferredMs, maxAgeMs }: ResolvedRetry,
  dueAtMs: number,
  nowMs: number,
): EarlyCopy | null {
  const remainingMs = dueAtMs - nowMs;
  if (!(remainingMs > 0 && remainingMs <= maxAgeMs)) return null;
  const [shortestMs] = deferredMs;
  if (shortestMs === undefined || remainingMs <= Math.min(LANE_MAX_MS, shortestMs * LANE_SHARE)) {
    return { kind: 'wait', waitMs: remainingMs };
  }
  return { kind: 'hop', delayMs: delayFor(deferredMs, remainingMs), dueAtMs };
}

/** The same of a copy as it came; one that is meant for another consumer is run, as its times mean nothing here. */
export function readEarly(
  consumer: AnyConsumer,
  { headers }: IncomingMessage,
  nowMs: number,
): EarlyCopy | null {
  const dueAtMs = readTimeMs(headers, HEADERS.dueAt);
  if (dueAtMs === null || readText(headers, HEADERS.consumer) !== consumer.name) return null;
  return planEarly(consumer.retry, dueAtMs, nowMs);
}

/** When a message failed for the first time, ms since the epoch; now, unless it says so. */
export const readFirstFailure = ({ headers }: IncomingMessage, nowMs: number): number =>
  readTimeMs(headers, HEADERS.firstFailedAt) ?? nowMs;
