import type { Clock } from './contract/clock.js';
import { BuscouplerError, describeError } from './contract/errors.js';

/** How long a question may take. */
export interface Bounds {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Ends it early. */
  readonly signal: AbortSignal | undefined;
}

/** Rejects at the deadline, whatever the broker does. */
export function within<Answer>(
  { clock, timeoutMs, signal }: Bounds,
  act: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const over = new AbortController();
  const late = new BuscouplerError('BC_BROKER_UNAVAILABLE', `It did not answer within ${timeoutMs} ms.`);
  return new Promise((resolve, reject) => {
    const end = (): void => {
      over.abort();
      // Connecting tells its last failure when it is aborted, which says more than the deadline.
      setImmediate(() => reject(late));
    };
    const timer = clock.schedule(end, timeoutMs, { keepAlive: true });
    signal?.addEventListener('abort', end);
    act(over.signal)
      .then(resolve, reject)
      .finally(() => {
        timer.cancel();
        signal?.removeEventListener('abort', end);
      });
    if (signal?.aborted) end();
  });
}

/** What was thrown, as an error of ours. */
export const asBusError = (thrown: unknown): BuscouplerError =>
  thrown instanceof BuscouplerError
    ? thrown
    : new BuscouplerError('BC_BROKER_UNAVAILABLE', `It could not be looked at (${describeError(thrown)}).`, {
        cause: thrown,
      });
