import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { boundedProperties } from '../../../../src/adapters/rabbitmq/bounded-properties.js';

const { encodeTable, decodeFields } = codec();

/** amqplib's own codec, which has no types. */
function codec(): {
  encodeTable(buffer: Buffer, table: object, offset: number): number;
  decodeFields(bytes: Buffer): Record<string, unknown>;
} {
  return require(join(dirname(require.resolve('amqplib')), 'lib/codec.js'));
}

function encoded(table: object): Buffer {
  const buffer = Buffer.alloc(64 * 1024);
  return buffer.subarray(0, encodeTable(buffer, table, 0));
}

const shortText = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);

/** Flags of headers and message id, then both. */
const propertiesOf = (headers: Buffer, id = 'one'): Buffer =>
  Buffer.concat([Buffer.from([0x20, 0x80]), headers, shortText(id)]);

const nested = (depth: number): object => (depth === 0 ? { end: 1 } : { n: nested(depth - 1) });

test('every type of value is decoded as amqplib does', () => {
  const scalar = fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.integer({ min: -(2 ** 49), max: 2 ** 49 }),
    fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.constantFrom(
      { '!': 'timestamp', value: 1_700_000_000 },
      { '!': 'float', value: 0.5 },
      { '!': 'uint8', value: 200 },
      { '!': 'uint16', value: 60_000 },
      { '!': 'uint32', value: 4_000_000_000 },
    ),
  );
  const name = fc.string({ maxLength: 20 }).filter((one) => one !== '!' && one !== '__proto__');
  const { table } = fc.letrec<{ table: object; value: unknown }>((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, scalar, tie('table'), fc.array(tie('value'), { maxLength: 3 })),
    table: fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  }));
  fc.assert(
    fc.property(table, (headers) => {
      const bytes = encoded(headers);
      const { properties } = boundedProperties(propertiesOf(bytes));
      expect(properties.messageId).toBe('one');
      expect(properties.headers).toEqual({ ...decodeFields(bytes.subarray(4)) });
    }),
    { numRuns: 200 },
  );
});

test('what is nested too deeply is left out and said, and everything beside it stays', () => {
  const { properties, problem } = boundedProperties(
    propertiesOf(encoded({ before: 'a', deep: nested(60), list: [[1]], after: 2 })),
  );
  expect(problem).toContain('more than 16 levels');
  expect(properties.headers).toMatchObject({ before: 'a', list: [[1]], after: 2 });
  expect(JSON.stringify(properties.headers)).not.toContain('end');
});

test('a table that is broken costs the headers, not the id', () => {
  const bytes = encoded({ a: 'text' });
  bytes[6] = '?'.charCodeAt(0);
  const { properties, problem } = boundedProperties(propertiesOf(bytes));
  expect(properties).toMatchObject({ messageId: 'one', headers: {} });
  expect(problem).toContain('unknown type "?"');
});

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(boundedProperties(Buffer.from(bytes)).problem).not.toBe('');
    }),
  );
});

test('a header named like the prototype is a header', () => {
  const { properties } = boundedProperties(
    propertiesOf(encoded(JSON.parse('{"__proto__":{"bc-attempt":"9"}}'))),
  );
  expect(Object.getPrototypeOf(properties.headers)).toBeNull();
  expect(properties.headers).not.toHaveProperty('bc-attempt');
});
