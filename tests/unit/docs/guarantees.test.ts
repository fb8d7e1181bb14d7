import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { contractCases } from '../../../src/testing/contract/contract-cases.js';
import { ROOT } from '../../support/run-program.js';
import { readPages } from './pages.js';

const page = readPages().find(({ path }) => path === 'docs/guide/guarantees.md')?.text ?? '';

/** A promise is a paragraph that begins in bold, followed by when it holds, what breaks it and its proof. */
const promises = page.split(/\n(?=\*\*)/).slice(1);

const proofOf = (promise: string): string => /^- Proof: (.+(?:\n {2}.+)*)$/m.exec(promise)?.[1] ?? '';

test('every promise says when it holds, what breaks it and what proves it', () => {
  expect(promises.length).toBeGreaterThan(10);
  for (const promise of promises) {
    expect(promise).toMatch(/^- Holds /m);
    expect(promise).toMatch(/^- Breaks /m);
    expect(proofOf(promise)).not.toBe('');
  }
});

test('every test that proves a promise exists', () => {
  const ids = new Set(contractCases.map(({ id }) => id));
  const missing = promises.flatMap((promise) => {
    const proof = proofOf(promise);
    const files = [...proof.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path);
    const cases = [...proof.matchAll(/\bC\d+b?\b/g)].map(([id]) => id);
    return [...files.filter((path) => !existsSync(join(ROOT, path))), ...cases.filter((id) => !ids.has(id))];
  });
  expect(missing).toEqual([]);
});
