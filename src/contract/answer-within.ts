import type { Clock } from './clock.js';
import { BuscouplerError, type ErrorCode } from './errors.js';

/** How long a store is waited for, and what is said of it then. */
export interface AnswerLimit {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** As the error names it, at the beginning of a sentence. */
  readonly store: string;
  readonly code: ErrorCode;
}

/**
 * The answer of a store, or the limit's error after its time. The limit is ours because no client's own covers every wait.
 * Options of MongoDB's driver limit what the server does (`maxTimeMS`) or nothing (`timeoutMS`, from 7.8 on), not the wait for
 * its answer: a frozen server is waited for until the driver's monitor gives it up, some 30 s later, and one that died just as
 * it was asked sometimes without end. An answer that comes too late is dropped.
 */
export function answerWithin<Answer>(limit: AnswerLimit, asked: PromiseLike<Answer>): Promise<Answer> {
  const { clock, timeoutMs, store, code } = limit;
  return new Promise((resolve, reject) => {
    const giveUp = (): void =>
      reject(new BuscouplerError(code, `${store} did not answer within ${timeoutMs} ms.`));
    const timer = clock.schedule(giveUp, timeoutMs);
    asked.then(
      (answer) => {
        timer.cancel();
        resolve(answer);
      },
      (error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
