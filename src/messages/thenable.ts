/**
 * True for promises of any realm or library: `instanceof Promise` misses those of another realm (a test runner's, a
 * worker's) and those of libraries.
 */
export function isThenable<Value>(value: unknown): value is PromiseLike<Value> {
  return (
    value !== null && typeof value === 'object' && typeof (value as { then?: unknown }).then === 'function'
  );
}
