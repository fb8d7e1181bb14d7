import { expect, test } from '@jest/globals';
import { createRecorder } from '../../../src/testing/index.js';

test('waits until enough items are recorded and hands them over in order', async () => {
  const recorder = createRecorder<number>();
  recorder.add(1);
  const two = recorder.atLeast(2);
  recorder.add(2);
  recorder.add(3);
  expect(await two).toEqual([1, 2]);
  expect(recorder.items).toEqual([1, 2, 3]);
});

test('finds the first item that fits among those recorded and those to come', async () => {
  const recorder = createRecorder<number>();
  recorder.add(1);
  recorder.add(4);
  expect(await recorder.first((item) => item % 2 === 0)).toBe(4);
  const big = recorder.first((item) => item > 9);
  recorder.add(5);
  recorder.add(11);
  recorder.add(12);
  expect(await big).toBe(11);
});

test('gives up with what it has and what it waits for', async () => {
  const recorder = createRecorder<number>('handled messages');
  recorder.add(1);
  await expect(recorder.atLeast(2, 1)).rejects.toThrow(
    '1 handled messages were recorded within 1 ms; expected: at least 2',
  );
});
