import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Ring } from '../../../../src/adapters/memory/ring.js';

type Step =
  | { readonly kind: 'push' | 'unshift'; readonly count: number }
  | { readonly kind: 'shift'; readonly count: number };

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('push' as const, 'unshift' as const, 'shift' as const),
  count: fc.integer({ min: 1, max: 40 }),
});

describe('Ring', () => {
  it('holds what an array would, whatever is done at both ends', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ring = new Ring<number>();
        const model: number[] = [];
        let next = 0;
        for (const { kind, count } of steps) {
          for (let times = 0; times < count; times += 1) {
            next += 1;
            if (kind === 'shift') expect(ring.shift()).toBe(model.shift());
            else ring[kind](next);
            if (kind === 'push') model.push(next);
            if (kind === 'unshift') model.unshift(next);
          }
        }
        expect(ring.toArray()).toEqual(model);
        expect(ring.size).toBe(model.length);
        expect(ring.at(0)).toBe(model[0]);
        expect(ring.at(model.length - 1)).toBe(model.at(-1));
        expect(ring.at(model.length)).toBeUndefined();
        expect(ring.at(-1)).toBeUndefined();
      }),
    );
  });

  it('keeps its order when it grows and shrinks', () => {
    const ring = new Ring<number>();
    for (let item = 0; item < 100_000; item += 1) ring.push(item);
    for (let item = 0; item < 100_000; item += 1) {
      if (ring.shift() !== item) throw new Error(`lost at ${item}`);
    }
    expect(ring.shift()).toBeUndefined();
    ring.push(7);
    expect(ring.toArray()).toEqual([7]);
  });
});
