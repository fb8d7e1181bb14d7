import type { Random } from '../contract/clock.js';

/**
 * Makes a source of chance that repeats itself: the same seed gives the same numbers. A 32-bit state stepped by a Weyl
 * sequence and mixed, which is good enough for tests and nothing else.
 */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 2 ** 32;
  };
}
