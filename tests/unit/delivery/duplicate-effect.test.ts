import { expect, test } from '@jest/globals';
import { isDuplicateEffect } from '../../../src/delivery/duplicate-effect.js';

const EXPECTED = { index: { user: 1, day: -1 } };
const errorOf = (fields: object) => Object.assign(new Error('E11000'), fields);

test('a duplicate key of exactly the named index is a duplicate effect', () => {
  expect(isDuplicateEffect(errorOf({ code: 11_000, keyPattern: { user: 1, day: -1 } }), EXPECTED)).toBe(true);
});

test.each([
  ['another index', errorOf({ code: 11_000, keyPattern: { user: 1 } })],
  ['the fields in another order', errorOf({ code: 11_000, keyPattern: { day: -1, user: 1 } })],
  ['another direction', errorOf({ code: 11_000, keyPattern: { user: 1, day: 1 } })],
  ['a bulk write, which has no key pattern', errorOf({ code: 11_000, writeErrors: [] })],
  ['another code', errorOf({ code: 112, keyPattern: { user: 1, day: -1 } })],
  ['a thrown null', null],
  ['a thrown undefined', undefined],
])('%s is a failure like others', (_, error) => {
  expect(isDuplicateEffect(error, EXPECTED)).toBe(false);
});

test('without a named index nothing is', () => {
  expect(isDuplicateEffect(errorOf({ code: 11_000, keyPattern: { user: 1 } }), undefined)).toBe(false);
});

test('a getter that throws is a failure like others', () => {
  const error = Object.defineProperty(new Error('hostile'), 'code', {
    get: () => {
      throw new Error('no');
    },
  });
  expect(isDuplicateEffect(error, EXPECTED)).toBe(false);
});
