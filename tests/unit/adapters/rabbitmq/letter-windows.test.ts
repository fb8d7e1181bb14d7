import { expect, test } from '@jest/globals';
import { LetterWindows } from '../../../../src/adapters/rabbitmq/letter-windows.js';

/** Sizes of all windows of a queue whose letters have so many bytes. */
function sizesOf(total: number, letterBytes: number): number[] {
  const windows = new LetterWindows(total);
  const sizes: number[] = [];
  for (let left = total; left > 0; ) {
    const size = Math.min(left, windows.next());
    for (let letter = 0; letter < size; letter += 1) windows.seen(letterBytes);
    left -= size;
    sizes.push(size);
  }
  return sizes;
}

test.each([1, 64, 700, 8_000, 100_000])('a queue of %i small letters takes 32 windows at most', (total) => {
  expect(sizesOf(total, 200).length).toBeLessThanOrEqual(32);
});

test.each([
  ['1 KB', 1_000],
  ['100 KB', 100_000],
  ['1 MB', 1_000_000],
])('a window of letters of %s has 40 MB at most once it is known how large they are', (_, bytes) => {
  const [first, ...others] = sizesOf(2_000, bytes);
  expect(first).toBe(64);
  for (const size of others) expect(size * bytes).toBeLessThan(40_000_000);
});

test('letters larger than a window come one at a time', () => {
  expect(sizesOf(66, 100_000_000).slice(1)).toEqual([1, 1]);
});
