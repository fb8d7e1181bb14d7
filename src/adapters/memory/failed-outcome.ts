import type { PublishOutcome } from '../../contract/broker.js';
import { BuscouplerError, type ErrorCode } from '../../contract/errors.js';

/** The outcome of a publish of which nothing was stored. */
export const failedOutcome = (code: ErrorCode, what: string): PublishOutcome => ({
  status: 'failed',
  error: new BuscouplerError(code, what),
});
