import type { LetterFilter } from '../contract/dead-letter-desk.js';
import { parseDurationMs } from '../contract/duration.js';
import { BuscouplerError } from '../contract/errors.js';
import type { DeskLetter } from './desk-letter.js';

/** A time in ms since the epoch: a Date, ISO 8601 text, or so long before `nowMs`. Throws BC_DEFINITION_INVALID. */
export function toEpochMs(time: Date | string | number, nowMs: number, what: string): number {
  if (time instanceof Date && !Number.isNaN(time.getTime())) return time.getTime();
  if (typeof time === 'string' && /^\d{4}-\d{2}-\d{2}/.test(time)) {
    const epochMs = Date.parse(time);
    if (!Number.isNaN(epochMs)) return epochMs;
  } else if (typeof time === 'string' || typeof time === 'number') {
    return nowMs - parseDurationMs(time, what);
  }
  throw new BuscouplerError('BC_DEFINITION_INVALID', `${what} is no time.`);
}

/** Tells which letters are meant. Throws BC_DEFINITION_INVALID for times that are none. */
export function compileFilter(filter: LetterFilter, nowMs: number): (letter: DeskLetter) => boolean {
  const { broker, consumer, reason, errorType, id, group } = filter;
  const limit = (time: LetterFilter['olderThan'], none: number, what: string): number =>
    time === undefined ? none : toEpochMs(time, nowMs, what);
  const beforeMs = limit(filter.olderThan, Infinity, 'olderThan');
  const fromMs = limit(filter.newerThan, -Infinity, 'newerThan');
  const isTimed = filter.olderThan !== undefined || filter.newerThan !== undefined;
  const isWanted = <Value>(wanted: Value | undefined, value: Value): boolean =>
    wanted === undefined || wanted === value;
  return ({ summary, failedAtMs }) =>
    isWanted(broker, summary.broker) &&
    isWanted<string | null>(consumer, summary.consumer) &&
    isWanted<string | null>(reason, summary.reason) &&
    isWanted<string | null>(errorType, summary.errorType) &&
    isWanted(group, summary.group) &&
    (id === undefined || id === summary.id || id === summary.ref) &&
    // What does not say when it died is neither old nor new.
    (!isTimed || (failedAtMs !== null && failedAtMs < beforeMs && failedAtMs >= fromMs));
}
