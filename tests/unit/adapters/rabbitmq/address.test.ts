import { describe, expect, test } from '@jest/globals';
import { parseAddress } from '../../../../src/adapters/rabbitmq/address.js';

describe('the address in a RabbitMQ URL', () => {
  test.each([
    [
      'amqp://host',
      { isTls: false, hostname: 'host', port: 5672, vhost: '/', username: 'guest', password: 'guest' },
    ],
    ['amqps://host', { isTls: true, port: 5671 }],
    ['amqp://host/', { vhost: '/' }],
    ['amqp://host/%2F', { vhost: '/' }],
    ['amqp://host/orders', { vhost: 'orders' }],
    ['amqp://host/a%2Fb%25', { vhost: 'a/b%' }],
    ['amqp://u:p%40s%3As%2Fw%25@host:1234', { username: 'u', password: 'p@s:s/w%', port: 1234 }],
    ['amqp://%C3%BC:%E2%82%AC@host', { username: 'ü', password: '€' }],
    ['amqp://u@host', { username: 'u', password: '' }],
    ['amqp://[::1]:5673/v', { hostname: '::1', port: 5673, vhost: 'v' }],
  ])('%s is read', (url, expected) => {
    expect(parseAddress(url)).toMatchObject(expected);
  });

  test('is told without user and password', () => {
    const { text } = parseAddress('amqps://user:pass%40word@host:1234/my%20vhost');
    expect(text).toBe('amqps://host:1234/my%20vhost');
    expect(parseAddress('amqp://u:p@[::1]:1').text).toBe('amqp://[::1]:1');
  });

  test.each(['', 'host:5672', 'http://u:secret-text@host', 'amqp://', 'amqp://u:secret-text@host:port'])(
    '%s is refused without being repeated',
    (url) => {
      let thrown: unknown;
      try {
        parseAddress(url);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'BC_CONFIG_INVALID' });
      expect(String((thrown as Error).stack)).not.toContain('secret-text');
    },
  );
});
