import { expect, test } from '@jest/globals';
import type { FinalErrors } from '../../../src/contract/consumer.js';
import { isFinalError } from '../../../src/delivery/final-errors.js';
import { createWorld } from './harness.js';

class Refused extends Error {}
class CardRefused extends Refused {}

/** Throws whatever is asked of it. */
const hostile = new Proxy(new Error('hostile'), {
  get: () => {
    throw new Error('getter');
  },
  getPrototypeOf: () => {
    throw new Error('prototype');
  },
});

const throwing = {
  [Symbol.hasInstance]: () => {
    throw new Error('instanceof');
  },
} as unknown as typeof Refused;

const CASES: [string, unknown, FinalErrors, boolean][] = [
  ['an error like others', new Error('no'), {}, false],
  ['an error that says so', Object.assign(new Error(), { retriable: false }), {}, true],
  ['an error that says it can be retried', Object.assign(new Error(), { retriable: true }), {}, false],
  ['undefined', undefined, { codes: ['E'], types: [Refused] }, false],
  ['null', null, { codes: ['E'], types: [Refused] }, false],
  ['a listed class', new Refused(), { types: [RangeError, Refused] }, true],
  ['a subclass of one', new CardRefused(), { types: [Refused] }, true],
  ['a class that is not listed', new Error(), { types: [Refused] }, false],
  ['a listed code', Object.assign(new Error(), { code: 11000 }), { codes: ['E', 11000] }, true],
  ['a code of another type', Object.assign(new Error(), { code: '11000' }), { codes: [11000] }, false],
  ['no code where undefined is no code', new Error(), { codes: ['E'] }, false],
  ['a predicate that holds', 'text', { when: (error) => error === 'text' }, true],
  ['a predicate that does not', 'text', { when: () => false }, false],
  ['a predicate that answers no boolean', 'text', { when: () => 'yes' as unknown as boolean }, false],
  ['a class whose check throws', new Error(), { types: [throwing] }, false],
  ['a class whose check throws before one that fits', new Refused(), { types: [throwing, Refused] }, true],
  ['an error that throws whatever is asked', hostile, { types: [Refused], codes: ['E'] }, false],
];

test.each(CASES)('%s', (_, error, never, expected) => {
  expect(isFinalError(error, never)).toBe(expected);
});

test('a predicate that throws counts as false', () => {
  const when = (): boolean => {
    throw new Error('predicate');
  };
  expect(isFinalError(new Error(), { when })).toBe(false);
});

test('an error of the list is dead-lettered at once, whatever attempts and delays are left', async () => {
  const world = createWorld({
    consumer: {
      retry: { deferred: ['5s'], never: { types: [Refused] } },
      handle: ({ id }) => Promise.reject(id === 'final' ? new CardRefused('no') : hostile),
    },
  });
  const deliveries = [world.deliver({ id: 'final' }), world.deliver({ id: 'other' })];
  await world.clock.advance(0);
  expect(world.letters.map(({ id }) => id)).toEqual(['final']);
  expect(world.letters[0]?.headers).toMatchObject({ 'bc-reason': 'rejected', 'bc-attempt': '1' });
  await world.clock.advance(1_000);
  expect(world.retries.map(({ message }) => message.id)).toEqual(['other']);
  expect(deliveries.map(({ settled }) => settled)).toEqual([1, 1]);
});
