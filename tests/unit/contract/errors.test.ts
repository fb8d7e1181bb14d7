import { expect, test } from '@jest/globals';
import { BuscouplerError, ConfigError, describeError, ERRORS } from '../../../src/contract/errors.js';
import { PublishFailedError, PublishUncertainError } from '../../../src/contract/publish-errors.js';

test.each(Object.keys(ERRORS) as (keyof typeof ERRORS)[])(
  '%s says what happened and ends with its cure',
  (code) => {
    const error = new BuscouplerError(code, 'It happened.');
    expect(error.message).toBe(`It happened. ${ERRORS[code].cure}`);
    expect(error).toMatchObject({ code, retriable: ERRORS[code].retriable, name: 'BuscouplerError' });
    expect(ERRORS[code].cure).toMatch(/^[A-Z].*\.$/);
    expect('cause' in error).toBe(false);
  },
);

test('a cause is kept and whether trying again helps can be overridden', () => {
  const cause = new Error('deep');
  const error = new BuscouplerError('BC_PROTOCOL', 'No.', { cause, retriable: true });
  expect(error).toMatchObject({ cause, retriable: true });
});

test('a publish that failed tells each broker, its error and whether trying again helps', () => {
  const refused = new BuscouplerError('BC_PUBLISH_REFUSED', 'Full.');
  const missing = new BuscouplerError('BC_PLACE_MISSING', 'No topic.');
  const failed = new PublishFailedError(
    { id: 'one', brokers: { kafka: 'failed', rabbitmq: 'failed' } },
    { kafka: missing, rabbitmq: refused },
  );
  expect(failed).toMatchObject({
    code: 'BC_PUBLISH_FAILED',
    name: 'PublishFailedError',
    id: 'one',
    retriable: true,
  });
  expect(failed.message).toContain('kafka failed (BC_PLACE_MISSING');
  expect(failed.message).toContain('rabbitmq failed (BC_PUBLISH_REFUSED');
  const uncertain = new PublishUncertainError(
    { id: 'one', brokers: { kafka: 'stored', rabbitmq: 'failed' } },
    { rabbitmq: missing },
  );
  expect(uncertain).toMatchObject({ code: 'BC_PUBLISH_UNCERTAIN', retriable: false, cause: missing });
  expect(uncertain.message).toContain('kafka stored; rabbitmq failed');
  expect(uncertain).toBeInstanceOf(BuscouplerError);
});

test('bad settings are listed together', () => {
  const error = new ConfigError([
    { setting: 'A', was: '1', allowed: '2' },
    { setting: 'B', was: 'x', allowed: 'y' },
  ]);
  expect(error.message).toContain('A: was 1; allowed: 2');
  expect(error.message).toContain('B: was x; allowed: y');
  expect(error.problems).toHaveLength(2);
});

const withGetter = Object.defineProperty(new Error('x'), 'message', {
  get: () => {
    throw new Error('getter');
  },
});

test.each([
  [new Error('text'), 'text'],
  [new TypeError(''), 'TypeError'],
  ['plain', 'plain'],
  [undefined, 'a thrown undefined'],
  [null, 'a thrown null'],
  [Object.freeze({}), 'a thrown object'],
  [Symbol('s'), 'a thrown symbol'],
  [withGetter, 'an error that cannot be read'],
])('whatever was thrown is described (%#)', (thrown, text) => {
  expect(describeError(thrown)).toBe(text);
});
