import { findMissing } from './find-missing.js';
import { findReordered } from './find-reordered.js';
import { findSkipped } from './find-skipped.js';
import { findWrongEffects } from './find-wrong-effects.js';
import type { Finding } from './finding.js';
import type { HistoryEvent } from './history-event.js';
import { readPublishes } from './publishes.js';

/**
 * Finds what went wrong in a history, in linear time; nothing when every promise was kept. What the history does not tell
 * is not held against it: without positions no SKIP by commit is found, without `waiting` no LIVENESS. Events of several
 * processes may be put together as long as each one's own order is kept; SKIP wants the true order of a consumer's events.
 */
export function checkHistory(history: readonly HistoryEvent[]): readonly Finding[] {
  const publishes = readPublishes(history);
  return [
    ...findMissing(history, publishes),
    ...findWrongEffects(history, publishes),
    ...findReordered(history, publishes),
    ...findSkipped(history),
  ];
}
