import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as z from 'zod';
import type { Schema } from '../../../src/contract/topic.js';
import { compileSchema, type Validation } from '../../../src/messages/schema.js';

const shapes: Record<string, z.ZodType> = {
  object: z.object({
    user: z.string().min(1),
    units: z.number().int().min(0),
    tags: z.array(z.string()).optional(),
  }),
  strict: z.strictObject({ a: z.string() }),
  loose: z.looseObject({ a: z.number() }),
  record: z.record(z.string(), z.number()),
  union: z.union([z.string(), z.object({ kind: z.literal('a'), n: z.number() }), z.array(z.number())]),
  discriminated: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('a'), a: z.string() }),
    z.object({ kind: z.literal('b'), b: z.number().default(7) }),
  ]),
  transformed: z.string().transform((text) => text.length),
  coerced: z.object({ at: z.coerce.date() }),
  refined: z.object({ a: z.number(), b: z.number() }).refine(({ a, b }) => a <= b, 'a is larger than b'),
  piped: z
    .string()
    .trim()
    .toLowerCase()
    .pipe(z.enum(['on', 'off'])),
  caught: z.number().catch(-1),
  nullable: z.nullable(z.tuple([z.string(), z.boolean()])),
};

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.record({ user: fc.string(), units: fc.integer() }, { requiredKeys: [] }),
  fc.record(
    { kind: fc.constantFrom('a', 'b', 'c'), a: fc.anything(), b: fc.double(), n: fc.integer() },
    { requiredKeys: [] },
  ),
  fc.record(
    { a: fc.integer(), b: fc.integer(), at: fc.constantFrom('2026-01-01', 'never') },
    { requiredKeys: [] },
  ),
  fc.constantFrom(' ON ', 'off', JSON.parse('{"a":"x","__proto__":{"polluted":1}}'), ['x', true]),
);

test.each(Object.keys(shapes))(
  'the compiled schema "%s" says what zod itself says, of any value',
  (shape) => {
    const schema = shapes[shape] as z.ZodType;
    const validate = compileSchema(schema);
    fc.assert(
      fc.property(value, (input) => {
        const plain = schema.safeParse(structuredClone(input));
        const ours = validate(structuredClone(input)) as Validation;
        if (plain.success) expect(ours).toEqual({ value: plain.data });
        else expect('problem' in ours && ours.problem).toContain(plain.error.issues[0]?.message.slice(0, 40));
      }),
      { numRuns: 300, seed: 20_260_104 },
    );
  },
);

test('an asynchronous schema is awaited, the first value and every further one', async () => {
  const validate = compileSchema(
    z.object({ a: z.string().refine(async (text) => text !== 'bad', 'is bad') }),
  );
  expect(await validate({ a: 'good' })).toEqual({ value: { a: 'good' } });
  expect(await validate({ a: 'bad' })).toEqual({ problem: 'a: is bad' });
  expect(await validate({ a: 'good' })).toEqual({ value: { a: 'good' } });
});

/** A schema of another library. */
const foreign = (validate: (input: unknown) => unknown): Schema =>
  ({ '~standard': { version: 1, vendor: 'test', validate } }) as Schema;

test('a schema of any library that speaks Standard Schema works', () => {
  const validate = compileSchema(
    foreign((input) =>
      typeof input === 'number'
        ? { value: input + 1 }
        : { issues: [{ message: 'no number', path: ['a', { key: 0 }, Symbol('s')] }] },
    ),
  );
  expect(validate(1)).toEqual({ value: 2 });
  expect(validate('1')).toEqual({ problem: 'a.0.Symbol(s): no number' });
});

test('a promise of any library is awaited', async () => {
  const promiseLike = Object.fromEntries([
    ['then', (resolve: (result: unknown) => void) => resolve({ issues: [{ message: 'refused' }] })],
  ]);
  expect(await compileSchema(foreign(() => promiseLike))(1)).toEqual({ problem: '(root): refused' });
});

test('a problem names where and why, is bounded, and holds no value', () => {
  const validate = compileSchema(z.record(z.string(), z.number()));
  const input = Object.fromEntries(
    Array.from({ length: 50 }, (_, index) => [`${'k'.repeat(500)}${index}`, 'secret']),
  );
  const result = validate(input) as { problem: string };
  expect(result.problem).toContain('and 40 more');
  expect(result.problem.length).toBeLessThan(3_000);
  expect(result.problem).not.toContain('secret');
});
