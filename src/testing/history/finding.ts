import type { HistoryEvent } from './history-event.js';

/**
 * What can be wrong with a history.
 *
 * - `LOST`: an acknowledged message has neither effect nor dead letter, and no broker holds it.
 * - `PHANTOM`: an effect of a message that was never published, or whose every publish failed.
 * - `DOUBLE`: a second effect of one message for one consumer.
 * - `REORDER`: first delivered after a later message of its key and producer. Messages whose publish was repeated or not
 *   acknowledged are left out: no order is promised for them.
 * - `SKIP`: a copy was let go of before its message had an effect, a dead letter or a copy for later.
 * - `STRANDED`: a message that was delivered although it was not acknowledged has no end, and no broker holds it.
 * - `LIVENESS`: after everything healed, a message still waits in a broker.
 */
export type FindingKind = 'LOST' | 'PHANTOM' | 'DOUBLE' | 'REORDER' | 'SKIP' | 'STRANDED' | 'LIVENESS';

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind;
  readonly consumer: string;
  /** Message id. */
  readonly id: string;
  /** The events that show it, in their order. */
  readonly events: readonly HistoryEvent[];
  /** One sentence. */
  readonly what: string;
}
