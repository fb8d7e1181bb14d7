import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bytesCodec, jsonCodec } from '../../../src/messages/codec.js';

test('every JSON value comes back as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(jsonCodec.decode(jsonCodec.encode(value))).toEqual({ value: JSON.parse(JSON.stringify(value)) });
    }),
  );
});

test.each([
  ['zero bytes', Buffer.alloc(0), 'it ends too early'],
  ['a truncated object', Buffer.from('{"a":'), 'it ends too early'],
  ['a byte order mark', Buffer.from('\ufeff{}'), 'at an unexpected character'],
  ['a trailing comma', Buffer.from('{"a":1,}'), 'position 7'],
  ['a control character', Buffer.from('{"a":"x\ny"}'), 'position 7'],
  ['no JSON at all', Buffer.from('hello'), 'at an unexpected character'],
  ['a quoted position', Buffer.from('position 4242x'), 'at an unexpected character'],
  ['a forged position', Buffer.from('x in JSON at position 77'), 'at an unexpected character'],
  ['invalid UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'not UTF-8'],
  ['a lone surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not UTF-8'],
])('%s is a problem that says where', (_, body, where) => {
  expect(jsonCodec.decode(body)).toEqual({ problem: expect.stringContaining(where) });
});

test('no problem ever quotes the body', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), (before, after) => {
      const decoded = jsonCodec.decode(Buffer.from(`${before}4711-secret-4711${after}`));
      expect(JSON.stringify('problem' in decoded ? decoded : {})).not.toMatch(/4711|secret/);
    }),
  );
});

test('a replacement character that is really there is no problem', () => {
  expect(jsonCodec.decode(Buffer.from('"\ufffd"'))).toEqual({ value: '\ufffd' });
});

test('keys of the prototype are data and nothing else', () => {
  const decoded = jsonCodec.decode(Buffer.from('{"__proto__":{"polluted":1}}'));
  expect('value' in decoded && Object.keys(decoded.value as object)).toEqual(['__proto__']);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test('200,000 nested arrays neither overflow the stack nor end the process', () => {
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const decoded = jsonCodec.decode(Buffer.from(deep));
  expect('value' in decoded).toBe(true);
  expect(() => jsonCodec.encode('value' in decoded ? decoded.value : null)).toThrow(
    expect.objectContaining({ code: 'BC_MESSAGE_INVALID' }),
  );
});

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;

test.each([
  ['undefined', undefined],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a bigint', 1n],
  ['a cyclic object', cyclic],
  [
    'an object whose toJSON throws',
    {
      toJSON: () => {
        throw new Error('no');
      },
    },
  ],
])('%s is refused before it is sent', (_, value) => {
  expect(() => jsonCodec.encode(value)).toThrow(expect.objectContaining({ code: 'BC_MESSAGE_INVALID' }));
});

test('half a surrogate pair in data is escaped, not altered', () => {
  expect(jsonCodec.decode(jsonCodec.encode('\ud800'))).toEqual({ value: '\ud800' });
});

test('bytes pass unchanged and are not shared with their owner', () => {
  const given = Buffer.from([0, 255, 128]);
  const body = bytesCodec.encode(given);
  given.fill(1);
  expect(body).toEqual(Buffer.from([0, 255, 128]));
  expect(bytesCodec.decode(body)).toEqual({ value: body });
  expect(() => bytesCodec.encode('text')).toThrow(expect.objectContaining({ code: 'BC_MESSAGE_INVALID' }));
});
