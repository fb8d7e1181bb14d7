import type { Clock } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';

/**
 * The answer of the store, or BC_INBOX_UNAVAILABLE after so many ms. The driver's own `timeoutMS` limits what the server does,
 * not the wait for its answer (7.5): a frozen server is waited for until the driver's monitor gives it up, some 30 s later,
 * and one that died just as it was asked sometimes without end. An answer that comes too late is dropped.
 */
export function answerWithin<Answer>(
  clock: Clock,
  timeoutMs: number,
  asked: PromiseLike<Answer>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      const what = `MongoDB did not answer within ${timeoutMs} ms.`;
      reject(new BuscouplerError('BC_INBOX_UNAVAILABLE', what));
    };
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
