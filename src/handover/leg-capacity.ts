import { HELD_IN_TROUBLE } from './hold-limit.js';

/** Deliveries per handler in flight: with fewer, one key's messages fill the window and the other keys starve. */
const DELIVERIES_PER_HANDLER = 8;

/** With an inbox that is asked in bulk, where most of them wait for its answers: bulks are as large as what waits. */
const DELIVERIES_PER_HANDLER_IN_BULK = 24;

/** What the capacity of a leg follows from. */
export interface CapacityFacts {
  readonly concurrency: number;
  readonly isAskedInBulk: boolean;
  /** Nothing gets through, and what is held has gone back once. */
  readonly isCautious: boolean;
}

/** Most deliveries that a leg holds at a time. */
export function capacityOf({ concurrency, isAskedInBulk, isCautious }: CapacityFacts): number {
  const perHandler = isAskedInBulk ? DELIVERIES_PER_HANDLER_IN_BULK : DELIVERIES_PER_HANDLER;
  const capacity = concurrency * perHandler;
  return isCautious ? Math.min(capacity, HELD_IN_TROUBLE) : capacity;
}
