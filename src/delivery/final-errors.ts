import type { FinalErrors } from '../contract/consumer.js';

type Test = (error: unknown) => boolean;

/** Errors may be hostile and a consumer's predicate wrong: what throws does not hold. */
function holds(test: Test, error: unknown): boolean {
  try {
    return test(error) === true;
  } catch {
    return false;
  }
}

const saysSo: Test = (error) => (error as { retriable?: unknown } | null | undefined)?.retriable === false;

/** True for errors that are never retried: `retriable: false`, or one of the consumer's list. Never throws. */
export function isFinalError(error: unknown, { types = [], codes = [], when }: FinalErrors): boolean {
  const isListed: Test = (one) => codes.includes((one as { code: string | number }).code);
  return (
    holds(saysSo, error) ||
    types.some((type) => holds((one) => one instanceof type, error)) ||
    (codes.length > 0 && holds(isListed, error)) ||
    (when !== undefined && holds(when, error))
  );
}
