import { describe, expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';
import { isFatalOnConnect, isRefusal, toKafkaError } from '../../../../src/adapters/kafka/errors.js';
import { protocolErrorNamed } from '../../../../src/adapters/kafka/protocol-errors.js';
import { BuscouplerError } from '../../../../src/contract/errors.js';

const coded = (code: string, message = 'failed'): Error => Object.assign(new Error(message), { code });
const connection = (cause: Error & { code?: string }): Error =>
  new kafkajs.KafkaJSConnectionError(`Connection error: ${cause.message}`, {
    broker: 'kafka-1:9092',
    ...(cause.code === undefined ? {} : { code: cause.code }),
  });

describe('Kafka errors', () => {
  test.each([
    ['BC_BROKER_UNAVAILABLE', connection(coded('ECONNREFUSED'))],
    ['BC_TLS', connection(coded('DEPTH_ZERO_SELF_SIGNED_CERT'))],
    ['BC_TLS', connection(coded('ERR_TLS_CERT_ALTNAME_INVALID'))],
    ['BC_TLS', connection(new Error('socket disconnected before secure TLS connection was established'))],
    ['BC_PROTOCOL', connection(coded('BC_NOT_KAFKA'))],
    ['BC_AUTHENTICATION', Object.assign(new Error('no'), { name: 'KafkaJSSASLAuthenticationError' })],
    ['BC_PERMISSION', protocolErrorNamed(29)],
    ['BC_MESSAGE_TOO_LARGE', protocolErrorNamed(10)],
    ['BC_PLACE_MISSING', protocolErrorNamed(3)],
    ['BC_NAME_INVALID', protocolErrorNamed(17)],
    ['BC_PUBLISH_REFUSED', protocolErrorNamed(87)],
    ['BC_BROKER_UNAVAILABLE', protocolErrorNamed(6)],
    ['BC_BROKER_UNAVAILABLE', undefined],
  ])('%s stands for its cause, however deep', (code, cause) => {
    expect(toKafkaError(cause, 'It failed')).toMatchObject({ code });
    const wrapped = Object.assign(new Error('outer'), {
      cause: Object.assign(new Error('inner'), { cause }),
    });
    expect(toKafkaError(wrapped, 'It failed')).toMatchObject({ code });
  });

  test('an error of ours passes unchanged', () => {
    const own = new BuscouplerError('BC_UNDECODABLE', 'A batch.');
    expect(toKafkaError(own, 'It failed')).toBe(own);
  });

  test('the text names the broker and never what an unknown error says', () => {
    expect(toKafkaError(connection(coded('ECONNREFUSED')), 'It failed').message).toContain('kafka-1:9092');
    const leaky = new kafkajs.KafkaJSNonRetriableError('Invalid message {"password":"hunter2"}');
    expect(toKafkaError(leaky, 'It failed').message).not.toContain('hunter2');
  });

  test('credentials end connecting, a broker that is away does not; refusals are not sent again', () => {
    expect(isFatalOnConnect(toKafkaError(connection(coded('EPROTO')), 'x'))).toBe(true);
    expect(isFatalOnConnect(toKafkaError(connection(coded('ECONNRESET')), 'x'))).toBe(false);
    expect(isRefusal(toKafkaError(protocolErrorNamed(10), 'x'))).toBe(true);
    expect(isRefusal(toKafkaError(protocolErrorNamed(19), 'x'))).toBe(false);
  });
});
