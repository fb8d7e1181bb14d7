import { isDeepStrictEqual } from 'node:util';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Headers, HeaderValue } from '../../../src/contract/message.js';
import {
  cloneHeaders,
  copyHeaders,
  fromByteHeaders,
  readInteger,
  readText,
  toByteHeaders,
} from '../../../src/messages/headers.js';

const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '$bytes', '$bigint', '$number', '$table', 'ünï'),
);
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array));
const value = fc.letrec<{ value: HeaderValue; table: HeaderValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    bytes,
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('table'),
  ),
  table: fc
    .array(fc.tuple(name, tie('value')), { maxLength: 4 })
    .map((entries) => tableOf(entries as [string, HeaderValue][])),
})).value;

function tableOf(entries: readonly (readonly [string, HeaderValue])[]): Record<string, HeaderValue> {
  const table: Record<string, HeaderValue> = Object.create(null);
  for (const [key, inner] of entries) table[key] = inner;
  return table;
}

const headers = fc.array(fc.tuple(name, value), { maxLength: 6 }).map(tableOf);

/** What a broker that carries bytes only hands back: Buffers. */
function overTheWire(encoded: Readonly<Record<string, string | Buffer>>): Record<string, Buffer> {
  const wire: Record<string, Buffer> = Object.create(null);
  for (const key of Object.keys(encoded)) wire[key] = Buffer.from(encoded[key] as string);
  return wire;
}

test('every header value survives a broker that carries bytes only', () => {
  fc.assert(
    fc.property(headers, (original) => {
      const back = fromByteHeaders(overTheWire(toByteHeaders(original)));
      expect(Object.keys(back).sort()).toEqual(Object.keys(original).sort());
      for (const key of Object.keys(original)) expect(isDeepStrictEqual(back[key], original[key])).toBe(true);
      expect(Object.getPrototypeOf(back)).toBeNull();
    }),
    { numRuns: 1_000, seed: 20_260_103 },
  );
});

test('headers of strings only are not copied and carry no note', () => {
  const strings = { a: 'b', c: '' };
  expect(toByteHeaders(strings)).toBe(strings);
});

test('a repeated name of a foreign producer gives an array, and the array survives the next trip', () => {
  const back = fromByteHeaders({
    twice: [Buffer.from('one'), Buffer.from([0xff])],
    once: [Buffer.from('1')],
  });
  expect(back.twice).toEqual(['one', Buffer.from([0xff])]);
  expect(fromByteHeaders(overTheWire(toByteHeaders(back)))).toEqual(back);
});

test('foreign values are strings if they are UTF-8 and Buffers otherwise; nothing is null', () => {
  const back = fromByteHeaders({
    text: Buffer.from('ü'),
    raw: Buffer.from([0xc3]),
    none: null,
    absent: undefined,
  });
  expect({ ...back }).toEqual({ text: 'ü', raw: Buffer.from([0xc3]), none: null, absent: null });
});

test.each([
  ['no JSON', '{'],
  ['a list', '["json"]'],
  ['a number', '7'],
  ['null', 'null'],
  ['prototype names', '{"__proto__":"json","constructor":"bytes"}'],
  ['a type nobody knows', '{"a":"eval"}'],
])('a hostile note that is %s harms nothing', (_, note) => {
  const back = fromByteHeaders({ 'bc-header-types': Buffer.from(note), a: Buffer.from('{') });
  expect({ ...back }).toEqual({ a: '{' });
});

test.each([
  ['too deep', '['.repeat(200_000) + ']'.repeat(200_000)],
  ['no bigint', '{"$bigint":"1.5"}'],
  ['broken', '{"a":'],
])('a value noted as JSON that is %s is read as text', (_, json) => {
  const back = fromByteHeaders({ 'bc-header-types': Buffer.from('{"a":"json"}'), a: Buffer.from(json) });
  expect(back.a).toBe(json);
});

test('the prototype of nothing is ever touched', () => {
  const raw = JSON.parse('{"__proto__":{"polluted":"yes"}}') as Headers;
  for (const copy of [copyHeaders(raw), cloneHeaders(raw)]) {
    expect(Object.getPrototypeOf(copy)).toBeNull();
    expect(Object.keys(copy)).toEqual(['__proto__']);
  }
  expect(readText(copyHeaders(raw), 'polluted')).toBeNull();
  expect(readText({}, 'toString')).toBeNull();
});

test('a clone shares neither Buffers nor tables with its original', () => {
  const original = { raw: Buffer.from('abc'), table: { list: [{ deep: Buffer.from('x') }] } };
  const clone = cloneHeaders(original) as unknown as typeof original;
  clone.raw.fill(0);
  clone.table.list[0]?.deep.fill(0);
  expect(original).toEqual({ raw: Buffer.from('abc'), table: { list: [{ deep: Buffer.from('x') }] } });
});

test('integers of headers are plain digits in range, anything else is the fallback', () => {
  const read = (header: HeaderValue): number => readInteger({ n: header }, 'n', { min: 1, fallback: -1 });
  expect(['1', '007', '999999999'].map(read)).toEqual([1, 7, 999_999_999]);
  for (const bad of ['0', '-1', '+1', ' 1', '1.0', '1e3', '0x1', '9999999999', '١', '', null, 7, ['1']]) {
    expect(read(bad as HeaderValue)).toBe(-1);
  }
});
