import type { Clock, Random } from '../../contract/clock.js';
import type { BuscouplerError } from '../../contract/errors.js';
import { backoffDelayMs, wait } from '../../delivery/backoff.js';
import { toKafkaError } from './errors.js';

const BACKOFF = { initialMs: 100, factor: 2, maxMs: 1_000, jitter: 0.2 } as const;

/** A node that has not heard of a new topic yet says that there is none, so it is looked for so often, ms apart. */
export const MISSING_LOOKS = 5;
export const MISSING_AGAIN_MS = 200;

/** How long to go on. */
export interface Insistence {
  readonly clock: Clock;
  readonly random: Random;
  readonly limitMs: number;
  /** Which answers pass. Default: those that are retriable. */
  readonly passes?: (error: BuscouplerError) => boolean;
}

/** For questions about a topic that was seen: a node that knows of no such topic has not heard of it yet. */
export const passesOnceSeen = ({ retriable, code }: BuscouplerError): boolean =>
  retriable || code === 'BC_PLACE_MISSING';

const isRetriable = ({ retriable }: BuscouplerError): boolean => retriable;

/**
 * Asks again while the answer is one that passes: a coordinator or leader that is being chosen, a connection that the
 * broker closed because it was idle. `what` begins the error's text.
 */
export async function insist<Answer>(
  { clock, random, limitMs, passes = isRetriable }: Insistence,
  what: string,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  const untilMs = clock.monotonicMs() + limitMs;
  for (let retry = 1; ; retry += 1) {
    try {
      return await ask();
    } catch (thrown) {
      const error: BuscouplerError = toKafkaError(thrown, what);
      if (!passes(error) || clock.monotonicMs() >= untilMs) throw error;
      await wait(clock, backoffDelayMs(BACKOFF, retry, random));
    }
  }
}
