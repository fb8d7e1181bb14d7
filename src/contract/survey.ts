/** What was counted for one consumer on one broker, from outside. `null`: it cannot be known. */
export interface Survey {
  /** Messages that nobody took: behind the commits of a log, ready in a queue. `null`: its topic or queue is not there. */
  readonly waiting: number | null;
  /** Messages handed over and not yet settled. In a log they count as waiting. */
  readonly unsettled: number | null;
  /** When the oldest one that waits was stored, ms since the Unix epoch; a queue cannot be asked without taking it. */
  readonly oldestAtMs: number | null;
  /** Copies that wait to be tried again. */
  readonly retries: number;
  /** Letters that its dead-letter place holds; a log keeps those that were replayed, and those of other consumers of the place. */
  readonly deadLetters: number;
  /** Who reads: members of the group, or consumers of the queue. */
  readonly readers: number | null;
  /** What could not be asked, and why. */
  readonly problem?: string;
}
