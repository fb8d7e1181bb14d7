import { describe, expect, test } from '@jest/globals';
import { parseSeed } from '../../../../src/adapters/kafka/client-options.js';
import { createFrameGuard } from '../../../../src/adapters/kafka/frame-guard.js';

const frame = (bytes: number): Buffer => {
  const buffer = Buffer.alloc(4 + bytes, 0xff);
  buffer.writeInt32BE(bytes);
  return buffer;
};

describe('Kafka frame guard', () => {
  test.each([1, 2, 3, 5, 7, 64])('frames pass however they are cut into chunks of %i bytes', (size) => {
    const stream = Buffer.concat([frame(0), frame(1), frame(100), frame(3), frame(0), frame(64)]);
    const guard = createFrameGuard();
    for (let at = 0; at < stream.length; at += size) {
      expect(guard(stream.subarray(at, at + size))).toBeNull();
    }
  });

  test.each([
    ['BC_NOT_KAFKA', Buffer.from('HTTP/1.1 400')],
    ['BC_NOT_KAFKA', Buffer.from('AMQP\0\0\t\u0001')],
    ['BC_NOT_KAFKA', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['BC_SPEAKS_TLS', Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x50])],
  ])('%s is found in the first bytes, also behind good frames and byte by byte', (code, bytes) => {
    const guard = createFrameGuard();
    expect(guard(frame(10))).toBeNull();
    const problems = [...bytes].map((byte) => guard(Buffer.from([byte])));
    expect(problems.slice(0, 3)).toEqual([null, null, null]);
    expect(problems[3]).toMatchObject({ code });
  });
});

describe('Kafka addresses', () => {
  test.each([
    ['kafka-1:9093', { host: 'kafka-1', port: 9093 }],
    ['10.0.0.1', { host: '10.0.0.1', port: 9092 }],
    ['[::1]:9094', { host: '::1', port: 9094 }],
    ['[fe80::1]', { host: 'fe80::1', port: 9092 }],
  ])('%s is read', (address, seed) => {
    expect(parseSeed(address)).toEqual(seed);
  });
});
