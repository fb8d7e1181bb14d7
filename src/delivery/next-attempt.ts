import type { Clock, Random } from '../contract/clock.js';
import type { ResolvedRetry } from '../contract/consumer.js';
import { backoffDelayMs } from './backoff.js';
import type { Again, DeferredRetry, Ending } from './ending.js';
import type { PipelineOptions } from './pipeline-options.js';
import { planRetry } from './retry-plan.js';

/** An attempt that failed and may be followed by another. */
export interface FailedAttempt {
  /** Which of the inline attempts of its copy it was. */
  readonly run: number;
  /** Which copy it was; the original is 1. */
  readonly attempt: number;
  /** Ms since the epoch. */
  readonly firstFailedAtMs: number;
  /** When the handler wants to be run again; `null`: as the options say. */
  readonly afterMs: number | null;
}

/** What follows a failed attempt: a wait in the lane, ms, or a deferred copy; `null`: nothing, it was the last one. */
export function planNextAttempt(
  retry: ResolvedRetry,
  failed: FailedAttempt,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): DeferredRetry | number | null {
  const { run, attempt, firstFailedAtMs, afterMs } = failed;
  // A wait that the handler asked for is not spent in the lane if there is a place for it.
  const wantsPlace = afterMs !== null && afterMs > 0 && retry.deferredMs.length > 0;
  if (run < retry.attempts && !wantsPlace) return afterMs ?? backoffDelayMs(retry.backoff, run, random);
  const wishedMs = wantsPlace ? afterMs : null;
  const step = planRetry(retry, { attempt, firstFailedAtMs, nowMs: clock.epochMs(), afterMs: wishedMs });
  return step === null ? null : { kind: 'deferred', step, firstFailedAtMs };
}

/** Whose attempt failed. */
export interface FailedRun {
  readonly id: string;
  /** Which run of its handler it was, over all copies. */
  readonly number: number;
  /** What comes next: ms in the lane, or an ending; `null`: nothing. */
  readonly next: Ending | number | null;
}

/** Tells of a failed attempt; how long its message waits in its lane for the next one, ms, or how it ends. */
export function afterFailure(
  { consumer, emit }: PipelineOptions,
  { error, isRetriable }: Again,
  { id, number, next }: FailedRun,
): Ending | number {
  emit('attempt-failed', { consumer: consumer.name, id, attempt: number, willRetry: next !== null, error });
  return next ?? { kind: 'failed', reason: isRetriable ? 'attempts' : 'rejected', error, attempt: number };
}
