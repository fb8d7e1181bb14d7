import { expect, test } from '@jest/globals';
import * as z from 'zod';
import { check } from '../../../src/app/http/check.js';
import { HttpProblem } from '../../../src/app/http/problem.js';

const schema = z.strictObject({
  user: z.string().min(1),
  email: z.email(),
  units: z.int().min(0).max(100),
  status: z.enum(['ok', 'failed']),
  models: z.array(z.strictObject({ name: z.string() })),
});

const good = { user: 'ann', email: 'ann@example.com', units: 1, status: 'ok', models: [{ name: 'a' }] };

function problemsOf(value: unknown) {
  try {
    check(schema, value);
  } catch (error) {
    if (error instanceof HttpProblem) return error.problem.problems;
  }
  return [];
}

test('gives the value of the schema', () => {
  expect(check(schema, good)).toEqual(good);
});

test.each([
  [{ user: '' }, 'user', '""', 'string to have >=1 characters'],
  [{ user: undefined }, 'user', 'not set', 'string'],
  [{ email: 'ann' }, 'email', '"ann"', 'a valid email'],
  [{ units: 1.5 }, 'units', '1.5', 'int'],
  [{ units: 101 }, 'units', '101', 'number to be <=100'],
  [{ status: 'odd' }, 'status', '"odd"', 'one of "ok"|"failed"'],
  [{ models: [{ name: 1 }] }, 'models.0.name', '1', 'string'],
  [{ extra: 1 }, 'extra', '1', 'no field of this name'],
])('names the field, what it was and what is allowed: %j', (change, field, was, allowed) => {
  expect(problemsOf({ ...good, ...change })).toEqual([{ field, was, allowed }]);
});

test('names the whole body when it is no object', () => {
  expect(problemsOf('text')).toEqual([{ field: 'body', was: '"text"', allowed: 'object' }]);
});

test('cuts long values and long lists of problems', () => {
  const problems = problemsOf({ ...good, user: 1, email: 'x'.repeat(10_000), models: Array(1_000).fill(1) });
  expect(problems).toHaveLength(20);
  for (const { was } of problems ?? []) expect(was.length).toBeLessThan(90);
});
