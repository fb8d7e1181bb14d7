import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';
import { codecFor, registerCodecs, UNPACKED_MAX_BYTES } from '../../../../src/adapters/kafka/codecs.js';
import { lz4Bound, snappySize } from '../../../../src/adapters/kafka/decompressed-size.js';

const codecOf = (attributes: 1 | 2 | 3 | 4) => {
  registerCodecs();
  return kafkajs.CompressionCodecs[attributes]() as unknown as {
    decompress(buffer: Buffer): Promise<Buffer>;
  };
};
const plain = Buffer.from('word '.repeat(20_000));

/** The native part of lz4 is built for the Node.js that ran `npm ci`; on another one (test:node24) it cannot be loaded. */
function lz4Problem(): string | null {
  try {
    createRequire(__filename)('lz4');
    return null;
  } catch (error) {
    if (/self-register|NODE_MODULE_VERSION/.test(String(error))) return 'lz4 was built for another Node.js';
    throw error;
  }
}

const withoutLz4 = lz4Problem();
const testLz4 = withoutLz4 === null ? test : test.skip;
const reason = withoutLz4 === null ? '' : ` (skipped: ${withoutLz4}; npm rebuild lz4)`;

const hasZstd = Number(process.versions.node.split('.')[0]) >= 23;

describe('Kafka codecs', () => {
  const expectBack = async (name: 'gzip' | 'snappy' | 'lz4'): Promise<void> => {
    const codec = await codecFor(name);
    const packed = await codec.compress(plain);
    expect(packed.length).toBeLessThan(plain.length / 2);
    expect(await codecOf(codec.attributes as 1).decompress(packed)).toEqual(plain);
  };
  test.each(['gzip', 'snappy'] as const)('%s unpacks what it packed', expectBack);
  testLz4(`lz4 unpacks what it packed${reason}`, () => expectBack('lz4'));

  test('the unpacked size of snappy is known before anything is unpacked', async () => {
    expect(snappySize(await (await codecFor('snappy')).compress(plain))).toBe(plain.length);
  });

  testLz4(`a bound of the unpacked size of lz4 is known before anything is unpacked${reason}`, async () => {
    const packed = await (await codecFor('lz4')).compress(plain);
    expect(lz4Bound(packed)).toBeGreaterThanOrEqual(plain.length);
    expect(lz4Bound(packed)).toBeLessThanOrEqual(UNPACKED_MAX_BYTES);
  });

  test('a gzip bomb is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(UNPACKED_MAX_BYTES + 1));
    await expect(codecOf(1).decompress(bomb)).rejects.toMatchObject({ code: 'BC_UNDECODABLE' });
  });

  test('a snappy bomb is refused by what it says of itself, framed or raw', async () => {
    const claim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07]);
    const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    const framed = Buffer.concat([header, Buffer.from([0, 0, 0, 5]), claim]);
    for (const bomb of [claim, framed]) {
      await expect(codecOf(2).decompress(bomb)).rejects.toMatchObject({ code: 'BC_UNDECODABLE' });
    }
  });

  test('an lz4 bomb is refused by the number of its blocks', async () => {
    const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
    const block = Buffer.from([1, 0, 0, 0, 0]);
    const bomb = Buffer.concat([header, ...Array.from({ length: 17 }, () => block)]);
    await expect(codecOf(3).decompress(bomb)).rejects.toMatchObject({ code: 'BC_UNDECODABLE' });
  });

  test.each([1, 2, 3] as const)('garbage for codec %i is a typed error', async (attributes) => {
    const garbage = Buffer.from('this was never packed by anyone');
    await expect(codecOf(attributes).decompress(garbage)).rejects.toMatchObject({ code: 'BC_UNDECODABLE' });
  });

  test('zstd works where Node.js has it, and says what is missing elsewhere', async () => {
    const packed = codecFor('zstd').then((codec) => codec.compress(plain));
    if (hasZstd) expect(await codecOf(4).decompress(await packed)).toEqual(plain);
    else await expect(packed).rejects.toMatchObject({ code: 'BC_UNDECODABLE' });
  });
});
