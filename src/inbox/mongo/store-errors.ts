/** What the driver's errors have; its classes are not imported, so that mongoose stays an optional peer. */
interface DriverError {
  readonly name?: unknown;
  readonly code?: unknown;
  hasErrorLabel?(label: string): boolean;
}

export const DUPLICATE_KEY = 11_000;
export const MAX_TIME_EXPIRED = 50;
const NO_SUCH_TRANSACTION = 251;

const read = (error: unknown): DriverError =>
  typeof error === 'object' && error !== null ? (error as DriverError) : {};

/** True if the server tried for as long as it may: an open transaction holds the record. */
export const isTimeLimit = (error: unknown): boolean => read(error).code === MAX_TIME_EXPIRED;

/** True if the driver or the server says so of the error. */
const hasLabel = (error: unknown, label: string): boolean => read(error).hasErrorLabel?.(label) === true;

/**
 * True if the server itself refused the commit. No server found, a lost connection or a deadline say nothing: the
 * transaction may be open there still, so that even its unchanged record proves nothing.
 */
export const isRefusal = (error: unknown): boolean =>
  read(error).name === 'MongoServerError' && !hasLabel(error, 'UnknownTransactionCommitResult');

/**
 * True if the server undid the transaction for a reason of its own. "No such transaction" carries the label too, but
 * follows any first error that the handler caught, a duplicate key for one: repeating that would never end.
 */
export const isTransient = (error: unknown): boolean =>
  hasLabel(error, 'TransientTransactionError') && read(error).code !== NO_SUCH_TRANSACTION;
