import { describe, expect, test } from '@jest/globals';
import { parseAddress } from '../../../../src/adapters/rabbitmq/address.js';
import { dialError, isHangUp, isOurFault, requestError } from '../../../../src/adapters/rabbitmq/errors.js';

const ADDRESS = parseAddress('amqp://user:secret-text@host/vhost-name');

const thrown = (message: string, code?: string | number): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

describe('a connection that could not be made', () => {
  test.each([
    [
      'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED"',
      undefined,
      'BC_AUTHENTICATION',
    ],
    ['SASL mechanism PLAIN is not provided by the server', undefined, 'BC_AUTHENTICATION'],
    [
      'Handshake terminated by server: 320 (CONNECTION-FORCED) with message "x"',
      undefined,
      'BC_BROKER_UNAVAILABLE',
    ],
    ['Expected ConnectionOpenOk; got <ConnectionClose channel:0>', undefined, 'BC_PERMISSION'],
    ['Frame size 1345270062 exceeds maxFrameSize 67108864', undefined, 'BC_PROTOCOL'],
    ['Invalid frame', undefined, 'BC_PROTOCOL'],
    ['Expected ConnectionStart; got <BasicAck channel:0>', undefined, 'BC_PROTOCOL'],
    ['write EPROTO 1:error:wrong version number', 'EPROTO', 'BC_PROTOCOL'],
    ['self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'BC_TLS'],
    ["Hostname/IP does not match certificate's altnames", 'ERR_TLS_CERT_ALTNAME_INVALID', 'BC_TLS'],
    ['connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED', 'BC_BROKER_UNAVAILABLE'],
    ['getaddrinfo ENOTFOUND host', 'ENOTFOUND', 'BC_BROKER_UNAVAILABLE'],
  ])('with "%s" (%s) is %s', (message, code, expected) => {
    const error = dialError(thrown(message, code), ADDRESS);
    expect(error.code).toBe(expected);
    expect(error.message).toContain('host');
    expect(error.message).not.toContain('secret-text');
  });

  test.each([
    ['read ECONNRESET', 'ECONNRESET', true],
    ['Socket closed abruptly during opening handshake', undefined, true],
    ['connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED', false],
  ])('with "%s" (%s): the peer hung up: %s', (message, code, expected) => {
    expect(isHangUp(thrown(message, code))).toBe(expected);
  });
});

describe('a request that the server refused', () => {
  test.each([
    [403, 'BC_PERMISSION'],
    [404, 'BC_PLACE_MISSING'],
    [405, 'BC_PLACE_CONFLICT'],
    [406, 'BC_PLACE_CONFLICT'],
    [undefined, 'BC_BROKER_UNAVAILABLE'],
  ])('with %s is %s, in its own words', (code, expected) => {
    const error = requestError(
      thrown(`Operation failed: QueueDeclare; ${code} (X) with message "the server's words"`, code),
      'Declaring the queue "q"',
    );
    expect(error.code).toBe(expected);
    expect(error.message).toContain('Declaring the queue "q" failed: the server\'s words.');
  });
});

test.each([
  [320, false],
  [501, true],
  [505, true],
  [530, false],
  [540, true],
  [541, false],
])('a connection closed with %s was closed over what we sent: %s', (code, expected) => {
  expect(isOurFault(code)).toBe(expected);
});
