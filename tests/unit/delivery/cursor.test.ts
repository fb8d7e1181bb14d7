import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Cursor, type CursorEntry } from '../../../src/delivery/cursor.js';

/** Offsets as a log has them: rising, with gaps from compaction and transaction markers. */
const offsets = fc
  .array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 60 })
  .map((gaps) => gaps.map((_, index) => gaps.slice(0, index + 1).reduce((sum, gap) => sum + gap, 0)));

test('commits exactly what a naive model commits, never past a hole, in whichever order deliveries finish', () => {
  fc.assert(
    fc.property(offsets, fc.array(fc.nat(1_000), { maxLength: 200 }), (positions, picks) => {
      const cursor = new Cursor<number>();
      const entries: CursorEntry<number>[] = [];
      const finished = new Set<number>();
      let added = 0;
      for (const pick of picks) {
        // One in three steps delivers, the others finish something, perhaps for the second time.
        if (pick % 3 === 0 || entries.length === 0) {
          const position = positions[added];
          if (position === undefined) continue;
          entries.push(cursor.add(position));
          added += 1;
        } else {
          const index = pick % entries.length;
          const before = cursor.committable();
          const moved = cursor.finish(entries[index] as CursorEntry<number>);
          finished.add(index);
          expect(moved).toBe(cursor.committable() !== before);
        }
        const hole = entries.findIndex((_, index) => !finished.has(index));
        const covered = hole === -1 ? entries.length : hole;
        expect(cursor.committable()).toBe(covered === 0 ? null : positions[covered - 1]);
        expect(cursor.oldestUnfinished()).toBe(hole === -1 ? null : positions[hole]);
        expect(cursor.covered).toBe(covered);
        expect(cursor.unfinished).toBe(entries.length - finished.size);
      }
    }),
    { numRuns: 500, seed: 20_260_102 },
  );
});

test('finishing backwards moves the position once, at the end', () => {
  const cursor = new Cursor<number>();
  const entries = Array.from({ length: 50_000 }, (_, index) => cursor.add(index));
  const moves = entries.reverse().filter((entry) => cursor.finish(entry)).length;
  expect({ moves, committable: cursor.committable() }).toEqual({ moves: 1, committable: 49_999 });
});
