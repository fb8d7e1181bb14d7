import type { DuplicateEffect } from '../contract/consumer.js';

const DUPLICATE_KEY = 11_000;

/**
 * True if the error says that the effect is there already: a single write of MongoDB that met the unique index which the
 * consumer names. An error of a bulk write has no `keyPattern`, and any other index says something else.
 */
export function isDuplicateEffect(error: unknown, expected: DuplicateEffect | undefined): boolean {
  if (expected === undefined) return false;
  try {
    const { code, keyPattern } = error as { code?: unknown; keyPattern?: unknown };
    return code === DUPLICATE_KEY && isSameIndex(keyPattern, expected.index);
  } catch {
    return false; // `null`, or a getter of a hostile error
  }
}

/** The order of the fields is part of an index. */
function isSameIndex(keyPattern: unknown, index: DuplicateEffect['index']): boolean {
  if (typeof keyPattern !== 'object' || keyPattern === null) return false;
  return JSON.stringify(Object.entries(keyPattern)) === JSON.stringify(Object.entries(index));
}
