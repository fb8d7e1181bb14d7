import { describe, expect, it } from '@jest/globals';
import { assert, property, string } from 'fast-check';
import { escapeControls, isSecretName, redactText } from '../../../src/messages/redact.js';

describe('redactText', () => {
  it.each([
    ['a URL', 'Cannot reach amqp://user:s3cret@host:5672/v', 'Cannot reach amqp://***@host:5672/v'],
    ['a raw password with @, : and /', 'amqp://u:p@s:s3cret/w@host', 'amqp://***@host'],
    [
      'each URL of a list',
      'amqp://u:s3cret@a, amqps://u:s3cret@b|http://u:s3cret@c',
      'amqp://***@a, amqps://***@b|http://***@c',
    ],
    ['a user without password', 'https://s3cret@host/x', 'https://***@host/x'],
    ['an assignment', 'failed: password=s3cret;user=a', 'failed: password=***;user=a'],
    ['a field of JSON', '{"saslPassword":"s3\\"cret","a":1}', '{"saslPassword":***,"a":1}'],
    ['a field of an inspected object', "{ password: 's3cret it is', a: 1 }", '{ password: ***, a: 1 }'],
    ['a header', 'Authorization: Bearer s3cret.abc', 'Authorization: ***'],
    ['a bearer token', 'sent Bearer s3cretabc', 'sent Bearer ***'],
    ['a web token', 'got eyJhbGciOi.eyJzdWIi.s3cret_1', 'got ***'],
    [
      'a private key',
      'x -----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END RSA PRIVATE KEY----- y',
      'x *** y',
    ],
    ['half a private key', '-----BEGIN PRIVATE KEY-----\ns3cret', '***'],
  ])('masks %s', (_, text, masked) => {
    expect(redactText(text)).toBe(masked);
  });

  it.each([
    'Connection refused (127.0.0.1:9092)',
    'amqp://host:5672/v',
    'user@example.com wrote',
    'a message key of 12 bytes',
  ])('leaves %s as it is', (text) => {
    expect(redactText(text)).toBe(text);
  });

  it('is done after one pass', async () => {
    await assert(
      property(string(), (text) => {
        const once = redactText(`amqp://u:${text}@h ${text}`);
        expect(redactText(once)).toBe(once);
      }),
    );
  });

  it('masks hostile texts of 16 KB in linear time', () => {
    const started = process.cpuUsage();
    for (const part of [
      'a://',
      'password',
      'token"',
      '-----BEGIN PRIVATE KEY',
      'eyJaaaa.',
      '://@',
      'Basic ',
    ]) {
      redactText(part.repeat(16_384 / part.length));
    }
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(1500);
  });
});

describe('isSecretName', () => {
  it.each(['password', 'SASL_PASSWORD', 'accessToken', 'x-api-key', 'Authorization', 'passphrase', 'pwd'])(
    'knows %s',
    (name) => {
      expect(isSecretName(name)).toBe(true);
    },
  );

  it.each(['key', 'idempotencyKey', 'author', 'topic', 'pass-through'])('lets %s through', (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

describe('escapeControls', () => {
  it('keeps any text on one line without terminal escapes', () => {
    expect(escapeControls('a\r\nb\u001b[31m\u2028\u202ec')).toBe('a\\r\\nb\\u001b[31m\\u2028\\u202ec');
  });
});
