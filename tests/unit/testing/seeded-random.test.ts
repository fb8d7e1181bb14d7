import { expect, test } from '@jest/globals';
import { createSeededRandom } from '../../../src/testing/index.js';

const numbers = (seed: number): number[] => {
  const random = createSeededRandom(seed);
  return Array.from({ length: 10_000 }, () => random());
};

test('repeats itself for one seed and not for another', () => {
  expect(numbers(7)).toEqual(numbers(7));
  expect(numbers(7)).not.toEqual(numbers(8));
});

test('is spread evenly over 0 to 1', () => {
  const tenths = Array.from({ length: 10 }, () => 0);
  for (const number of numbers(1))
    tenths[Math.floor(number * 10)] = (tenths[Math.floor(number * 10)] ?? 0) + 1;
  expect(tenths).toHaveLength(10);
  for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});
