import { answerWithin as answerWithinLimit } from '../../contract/answer-within.js';
import type { Clock } from '../../contract/clock.js';

/** The answer of MongoDB, or BC_INBOX_UNAVAILABLE after so many ms. */
export const answerWithin = <Answer>(
  clock: Clock,
  timeoutMs: number,
  asked: PromiseLike<Answer>,
): Promise<Answer> =>
  answerWithinLimit({ clock, timeoutMs, store: 'MongoDB', code: 'BC_INBOX_UNAVAILABLE' }, asked);
