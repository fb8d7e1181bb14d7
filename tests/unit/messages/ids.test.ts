import { expect, test } from '@jest/globals';
import { isoTime, newMessageId } from '../../../src/messages/ids.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('a million ids of one millisecond are all different and all of version 7', () => {
  const nowMs = 1_700_000_000_000;
  const ids = new Set<string>();
  let wrong = 0;
  for (let index = 0; index < 1_000_000; index += 1) {
    const id = newMessageId(nowMs);
    if (!UUID_V7.test(id)) wrong += 1;
    ids.add(id);
  }
  expect({ wrong, different: ids.size }).toEqual({ wrong: 0, different: 1_000_000 });
});

test('ids hold their time and sort by it', () => {
  const times = [0, 1, 255, 65_536, 1_700_000_000_000, 1_700_000_000_001.75, 2 ** 48 - 1];
  const ids = times.map((time) => newMessageId(time));
  expect(ids.map((id) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16))).toEqual(
    times.map(Math.trunc),
  );
  expect([...ids].sort()).toEqual(ids);
});

test('every one of the 74 random bits takes both values', () => {
  let ones = 0n;
  let zeros = 0n;
  for (let index = 0; index < 2_000; index += 1) {
    const bits = BigInt(`0x${newMessageId(0).replaceAll('-', '')}`);
    ones |= bits;
    zeros |= ~bits;
  }
  const random = (0xfffn << 64n) | 0x3fff_ffff_ffff_ffffn;
  expect((ones & zeros & random).toString(16)).toBe(random.toString(16));
});

test('times are ISO 8601 in UTC with milliseconds, whatever was asked before', () => {
  expect([0, 0, 1_700_000_000_123, 0].map(isoTime)).toEqual([
    '1970-01-01T00:00:00.000Z',
    '1970-01-01T00:00:00.000Z',
    '2023-11-14T22:13:20.123Z',
    '1970-01-01T00:00:00.000Z',
  ]);
});
