import { HEADERS } from '../../messages/header-names.js';
import type { FetchedRecord } from './driver.js';

/** What a record of a retry topic is measured against. */
export interface DueRule {
  /** What its topic delays, ms. */
  readonly delayMs: number;
  /** When it came to the front of its partition, ms since the Unix epoch. */
  readonly nowMs: number;
}

/**
 * When a record of a retry topic may be handed over, ms since the Unix epoch: at its `bc-due-at`, but no later than the
 * topic's delay after it was written. A writer whose clock is ahead must not block the partition: it never waits longer
 * than the delay here.
 */
export function dueTimeOf({ headers, timestamp }: FetchedRecord, { delayMs, nowMs }: DueRule): number {
  const writtenMs = Number(timestamp);
  const latestMs = (writtenMs >= 0 ? Math.min(writtenMs, nowMs) : nowMs) + delayMs;
  const text = headers?.[HEADERS.dueAt];
  const dueMs = Buffer.isBuffer(text) || typeof text === 'string' ? Date.parse(text.toString()) : Number.NaN;
  return Number.isNaN(dueMs) ? latestMs : Math.min(dueMs, latestMs);
}
