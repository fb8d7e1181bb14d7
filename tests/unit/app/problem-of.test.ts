import { expect, test } from '@jest/globals';
import { problemOf } from '../../../src/app/http/problem-of.js';
import { BuscouplerError, PublishFailedError, PublishUncertainError } from '../../../src/index.js';

const receipt = { id: 'm1', brokers: { kafka: 'failed', rabbitmq: 'stored' } } as const;

test('an uncertain publish is repeated soon, with its id', () => {
  const error = new BuscouplerError('BC_PUBLISH_TIMEOUT', 'No answer of amqp://ann:hunter22@host.');
  const problem = problemOf(new PublishUncertainError(receipt, { kafka: error }));
  expect(problem).toMatchObject({ status: 503, id: 'm1', brokers: receipt.brokers, retryAfterSeconds: 5 });
  expect(JSON.stringify(problem)).not.toContain('host');
});

test('what an operator has to mend first is repeated later', () => {
  const error = new BuscouplerError('BC_UNROUTABLE', 'No queue.');
  const problem = problemOf(new PublishFailedError(receipt, { kafka: error }));
  expect(problem).toMatchObject({ status: 503, retryAfterSeconds: 60 });
});

test.each([
  [new BuscouplerError('BC_MESSAGE_INVALID', 'It has no key.'), 400],
  [new BuscouplerError('BC_MESSAGE_TOO_LARGE', 'It is too large.'), 413],
  [new BuscouplerError('BC_LIFECYCLE', 'It is closed.'), 503],
  [new BuscouplerError('BC_INBOX_UNAVAILABLE', 'No inbox.'), 503],
  [Object.assign(new Error('no server'), { name: 'MongoServerSelectionError' }), 503],
  [Object.assign(new Error('odd'), { statusCode: 431 }), 431],
])('%s is a %d', (error, status) => {
  expect(problemOf(error)?.status).toBe(status);
});

test.each([
  [new TypeError('x is not a function')],
  [new BuscouplerError('BC_PERMISSION', 'Not allowed.')],
  [Object.assign(new Error('odd'), { statusCode: 500 })],
  ['a text'],
  [undefined],
])('%s is a fault, told to nobody but the log', (error) => {
  expect(problemOf(error)).toBeNull();
});
