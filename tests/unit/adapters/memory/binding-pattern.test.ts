import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compilePattern, matchHeaders } from '../../../../src/adapters/memory/binding-pattern.js';

/** The rule as it is said, tried in every way. */
function matchesNaively(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === '#') {
    return Array.from({ length: words.length + 1 }, (_, skip) => words.slice(skip)).some((left) =>
      matchesNaively(rest, left),
    );
  }
  const [word, ...left] = words;
  if (word === undefined) return false;
  return (first === '*' || first === word) && matchesNaively(rest, left);
}

const words = (...choices: string[]) => fc.array(fc.constantFrom(...choices), { minLength: 1, maxLength: 6 });

describe('compilePattern', () => {
  it('matches as trying every split of the words does', () => {
    fc.assert(
      fc.property(words('a', 'b', '*', '#'), words('a', 'b', ''), (pattern, key) => {
        expect(compilePattern(pattern.join('.'))(key.join('.'))).toBe(matchesNaively(pattern, key));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['#', 'anything.at.all', true],
    ['#', '', true],
    ['orders.*', 'orders.created', true],
    ['orders.*', 'orders', false],
    ['orders.#', 'orders', true],
    ['orders', 'orders.created', false],
    ['*.*', 'a.b.c', false],
    ['a.b', 'aXb', false],
  ])('%j against %j is %j', (pattern, key, expected) => {
    expect(compilePattern(pattern)(key)).toBe(expected);
  });
});

describe('matchHeaders', () => {
  it('wants all of them, or one with x-match any, and leaves x- arguments aside', () => {
    const headers = { region: 'eu', kind: 'order' };
    expect(matchHeaders({ region: 'eu', kind: 'order' }, headers)).toBe(true);
    expect(matchHeaders({ region: 'eu', kind: 'refund' }, headers)).toBe(false);
    expect(matchHeaders({ 'x-match': 'any', region: 'eu', kind: 'refund' }, headers)).toBe(true);
    expect(matchHeaders({ 'x-match': 'any', region: 'us' }, headers)).toBe(false);
    expect(matchHeaders({ 'x-match': 'all', 'x-note': 'no' }, headers)).toBe(true);
    expect(matchHeaders({}, {})).toBe(true);
    expect(matchHeaders({ toString: 'x' }, headers)).toBe(false);
  });
});
