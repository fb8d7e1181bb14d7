import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  checkHistory,
  createSeededRandom,
  type Finding,
  type FindingKind,
  type HistoryEvent,
} from '../../../../src/testing/index.js';
import { CONSUMERS, cleanHistory } from './clean-history.js';
import { PLANTS, type Victim, victimsOf } from './planted-faults.js';

const KINDS = Object.keys(PLANTS) as FindingKind[];
const seeds = fc.integer({ min: 0, max: 2 ** 31 });

const clean = (seed: number, count = 120): HistoryEvent[] => cleanHistory(createSeededRandom(seed), count);
const names = (findings: readonly Finding[]): string[] =>
  findings.map(({ kind, consumer, id }) => `${kind} ${consumer} ${id}`).sort();

describe('a history', () => {
  test('of a clean run has no finding', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(checkHistory(clean(seed))).toEqual([]);
      }),
    );
  });

  test.each(KINDS)('with one planted %s has exactly that finding', (kind) => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...CONSUMERS), (seed, consumer) => {
        const history = clean(seed);
        const [victim] = victimsOf(history, consumer);
        fc.pre(victim !== undefined);
        const id = kind === 'PHANTOM' ? `${victim.id}-never` : victim.id;
        const [finding, ...more] = checkHistory(PLANTS[kind](history, victim));
        expect(more).toEqual([]);
        expect(finding).toMatchObject({ kind, consumer, id });
        expect(finding?.events.length).toBeGreaterThan(0);
        expect(finding?.what).toMatch(/^.*\b.*\.$/);
      }),
    );
  });

  test('with several planted faults has exactly those', () => {
    fc.assert(
      fc.property(seeds, fc.shuffledSubarray(KINDS, { minLength: 2, maxLength: 4 }), (seed, kinds) => {
        let history = clean(seed, 200);
        const victims = CONSUMERS.flatMap((consumer) => victimsOf(history, consumer));
        const distinct = [...new Set(victims.map(({ key }) => key))].map((key, at) => {
          const ofKey = victims.filter((one) => one.key === key);
          return ofKey[at % ofKey.length] as Victim;
        });
        fc.pre(distinct.length >= kinds.length);
        const expected: string[] = [];
        for (const [at, kind] of kinds.entries()) {
          const victim = distinct[at] as Victim;
          history = PLANTS[kind](history, victim);
          expected.push(`${kind} ${victim.consumer} ${victim.id}${kind === 'PHANTOM' ? '-never' : ''}`);
        }
        expect(names(checkHistory(history))).toEqual(expected.sort());
      }),
    );
  });

  test('of 100,000 events is checked within a second of processor time', () => {
    const history = clean(7, 16_000);
    expect(history.length).toBeGreaterThan(100_000);
    const before = process.cpuUsage();
    expect(checkHistory(history)).toEqual([]);
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(1_000_000);
  });
});
