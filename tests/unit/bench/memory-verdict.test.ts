import { expect, test } from '@jest/globals';
import { judgeMemory, LIVE_GROWTH_MIB, RESIDENT_GROWTH_MIB } from '../../../bench/soak/memory-verdict.js';

const warm = { residentMiB: 100, liveMiB: 30 };

test.each([
  ['as much as before', 0, 0, true],
  ['less than before', -50, -5, true],
  ['as much more as a collector may leave', RESIDENT_GROWTH_MIB, LIVE_GROWTH_MIB, true],
  ['more resident memory', RESIDENT_GROWTH_MIB + 0.1, 0, false],
  ['more live objects', 0, LIVE_GROWTH_MIB + 0.1, false],
])('a soak that ends with %s', (_, resident, heap, isFlat) => {
  const end = { residentMiB: warm.residentMiB + resident, liveMiB: warm.liveMiB + heap };
  expect(judgeMemory(warm, end)).toEqual({ warm, end, isFlat });
});
