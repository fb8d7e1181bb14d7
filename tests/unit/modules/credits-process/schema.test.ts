import { expect, test } from '@jest/globals';
import { costOf, creditsSchema } from '../../../../src/modules/credits-process/credits-process.schema.js';

const single = { kind: 'single', request: 'r', user: 'u', model: 'm', units: 3, price: 7 } as const;
const multi = {
  kind: 'multi',
  request: 'r',
  user: 'u',
  models: [
    { model: 'a', units: 3, price: 7 },
    { model: 'b', units: 1_000_000_000, price: 999_999 },
  ],
} as const;

test('a request costs the sum of what its models cost, exactly', () => {
  expect(costOf(creditsSchema.parse(single))).toBe(21);
  expect(costOf(creditsSchema.parse(multi))).toBe(999_999_000_000_021);
});

test.each([
  ['a broken number of units', { ...single, units: 0.5 }, 'units'],
  ['a negative price', { ...single, price: -1 }, 'price'],
  ['no model', { ...multi, models: [] }, 'models'],
  ['no user', { ...single, user: '' }, 'user'],
  ['another kind', { ...single, kind: 'many' }, 'kind'],
  ['a number as text', { ...single, units: '3' }, 'units'],
])('%s is refused by its name', (_, message, field) => {
  const result = creditsSchema.safeParse(message);
  expect(result.error?.issues[0]?.path[0]).toBe(field);
});

test('a request that costs more than can be summed exactly is refused', () => {
  const model = { model: 'a', units: 1_000_000_000, price: 1_000_000 };
  expect(creditsSchema.safeParse({ ...multi, models: [model] }).success).toBe(true);
  const result = creditsSchema.safeParse({ ...multi, models: [model, { model: 'b', units: 1, price: 1 }] });
  expect(result.error?.issues[0]?.message).toContain('costs more than');
});
