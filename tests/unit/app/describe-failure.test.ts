import { expect, test } from '@jest/globals';
import { describeFailure } from '../../../src/app/describe-failure.js';
import { BuscouplerError } from '../../../src/index.js';

test('says what happened with its code', () => {
  const error = new BuscouplerError('BC_LIFECYCLE', 'It is closed.');
  expect(describeFailure(error, {})).toMatch(/^It is closed\. .+ \[BC_LIFECYCLE\]$/);
  expect(describeFailure('a text', {})).toBe('a text');
});

test.each([
  ['mongodb://ann:pa%2Fss@host/app', 'MONGODB_URL'],
  ['amqp://ann:hunter22@one,amqp://bob:hunter33@two', 'RABBITMQ_URL'],
  ['hunter22', 'KAFKA_SASL_PASSWORD'],
])('masks what the environment holds as a secret: %s', (value, name) => {
  const error = new Error(`cannot use ${value}: pa/ss hunter22 hunter33 of host`);
  const said = describeFailure(error, { [name]: value, HOME: '/root' });
  for (const secret of ['pa%2Fss', 'pa/ss', 'hunter22', 'hunter33'])
    if (value.includes(secret) || decodeURIComponent(value).includes(secret))
      expect(said).not.toContain(secret);
  expect(said).toContain('of host');
});
