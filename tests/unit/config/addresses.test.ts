import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { brokerAddressProblem } from '../../../src/config/broker-address.js';
import { completeRabbitmqUrl, rabbitmqUrlProblem } from '../../../src/config/rabbitmq-url.js';

describe('brokerAddressProblem', () => {
  it.each(['localhost:9092', '127.0.0.1:1', '[::1]:9092', 'kafka_1.example.com:65535'])(
    'takes %s',
    (address) => {
      expect(brokerAddressProblem(address)).toBeNull();
    },
  );

  it.each([
    '',
    'localhost',
    ':9092',
    'h:0',
    'h:65536',
    'h:9092x',
    'kafka://h:9092',
    'u:p@h:1',
    '::1:9092',
    'h :1',
    'h:',
    'h:-1',
    '-h:1',
  ])('refuses %j', (address) => {
    expect(brokerAddressProblem(address)).toEqual(expect.any(String));
  });
});

describe('rabbitmqUrlProblem', () => {
  it.each([
    'amqp://h',
    'amqps://u:p@h:5671/v',
    'amqp://u:p%40%3A%2F%25@[::1]:5672/%2F',
    'amqp://u@h/',
    'AMQP://h/v',
  ])('takes %s', (url) => {
    expect(rabbitmqUrlProblem(url)).toBeNull();
  });

  it.each([
    ['another protocol', 'http://h'],
    ['no protocol', 'h:5672'],
    ['no host', 'amqp://'],
    ['no host behind credentials', 'amqp://u:p@/v'],
    ['a raw "/" in the password', 'amqp://u:a/b@h/v'],
    ['a raw "/" that makes a port of the password', 'amqp://u:12/3@h/v'],
    ['a raw "#" in the password', 'amqp://u:12#3@h/v'],
    ['a raw "?" in the password', 'amqp://u:12?3@h/v'],
    ['a raw "%" in the password', 'amqp://u:10%@h/v'],
    ['a query', 'amqp://h/v?heartbeat=5'],
    ['a vhost of two parts', 'amqp://h/a/b'],
    ['a port that is none', 'amqp://h:99999/'],
    ['port 0', 'amqp://h:0/'],
    ['an empty port, as of a forgotten host', 'amqp://u:/p'],
    ['a line end', 'amqp://h\r\n/v'],
    ['a space', 'amqp://u:p @h'],
  ])('refuses %s', (_, url) => {
    expect(rabbitmqUrlProblem(url)).toContain('amqp(s)://');
  });
});

describe('completeRabbitmqUrl', () => {
  it.each([
    ['amqp://h', 'amqp://guest:guest@h:5672/%2F'],
    ['amqps://h/', 'amqps://guest:guest@h:5671/%2F'],
    ['amqp://u:p@h:1/v', 'amqp://u:p@h:1/v'],
    ['amqp://u:p@ss:w@[::1]/a%2Fb', 'amqp://u:p%40ss%3Aw@[::1]:5672/a%2Fb'],
    ['amqp://u@h', 'amqp://u:@h:5672/%2F'],
  ])('completes %s', (url, complete) => {
    expect(completeRabbitmqUrl(url)).toBe(complete);
  });

  it('carries any encoded user, password and vhost unchanged', () => {
    const part = fc.string({ minLength: 1, unit: 'grapheme' });
    const check = fc.property(part, part, part, (user, password, vhost) => {
      const url = `amqp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h/${encodeURIComponent(vhost)}`;
      fc.pre(vhost !== '.' && vhost !== '..'); // URLs drop these, encoded or not
      expect(rabbitmqUrlProblem(url)).toBeNull();
      const complete = new URL(completeRabbitmqUrl(url));
      expect(decodeURIComponent(complete.username)).toBe(user);
      expect(decodeURIComponent(complete.password)).toBe(password);
      expect(decodeURIComponent(complete.pathname.slice(1))).toBe(vhost);
    });
    return fc.assert(check);
  });
});
