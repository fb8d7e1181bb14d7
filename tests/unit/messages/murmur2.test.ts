import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { murmur2, partitionOfKey } from '../../../src/messages/murmur2.js';

/** From Kafka's own test of its hash (UtilsTest.testMurmur2). */
const JAVA_VECTORS: readonly [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('murmur2', () => {
  it.each(JAVA_VECTORS)('hashes %j as the Java client does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  it('hashes no bytes without reading past them', () => {
    expect(murmur2(Buffer.alloc(0))).toBe(275646681);
  });

  it('gives a key the partition of its positive hash, short or long, in any script', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 400 }),
        fc.integer({ min: 1, max: 64 }),
        (key, count) => {
          const expected = (murmur2(Buffer.from(key, 'utf8')) & 0x7fffffff) % count;
          expect(partitionOfKey(key, count)).toBe(expected);
        },
      ),
    );
  });
});
