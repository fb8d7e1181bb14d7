import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import kafkajs from 'kafkajs';
import { BuscouplerError, describeError } from '../../contract/errors.js';
import type { Compression } from '../../contract/settings.js';
import { lz4Bound, snappySize } from './decompressed-size.js';
import type { BatchCodec } from './record-batch.js';

/** Most bytes that one compressed batch may unpack to; 306 KB of gzip were seen to become 300 MB. */
export const UNPACKED_MAX_BYTES = 64 * 1024 * 1024;

/** A codec in the shape of the client: compresses its encoder, unpacks a buffer. */
interface ClientCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

type Packed = Exclude<Compression, 'none'>;
type Transform = (bytes: Buffer, options?: { maxOutputLength?: number }) => Promise<Buffer>;

const ATTRIBUTES: Readonly<Record<Packed, number>> = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 };

function undecodable(what: string, cause?: unknown): BuscouplerError {
  return new BuscouplerError('BC_UNDECODABLE', what, { cause });
}

function checkSize(size: number): void {
  if (size <= UNPACKED_MAX_BYTES) return;
  throw undecodable(`A compressed batch unpacks to up to ${size} bytes, more than ${UNPACKED_MAX_BYTES}.`);
}

/** Runs the unpacking; whatever it throws becomes BC_UNDECODABLE. */
async function unpack(codec: Packed, run: () => Promise<Buffer>): Promise<Buffer> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof BuscouplerError) throw error;
    throw undecodable(`A batch compressed with ${codec} cannot be unpacked.`, error);
  }
}

function fromZlib(codec: Packed, pack: Transform, reverse: Transform): ClientCodec {
  return {
    compress: (encoder) => pack(encoder.buffer),
    decompress: (buffer) => unpack(codec, () => reverse(buffer, { maxOutputLength: UNPACKED_MAX_BYTES })),
  };
}

const loadGzip = async (): Promise<ClientCodec> =>
  fromZlib('gzip', promisify(zlib.gzip) as Transform, promisify(zlib.unzip) as Transform);

/** Node.js has zstd from 22.15 and 23.8 on. */
async function loadZstd(): Promise<ClientCodec> {
  const { zstdCompress, zstdDecompress } = zlib as unknown as Record<string, unknown>;
  if (typeof zstdCompress !== 'function' || typeof zstdDecompress !== 'function') {
    throw undecodable(`zstd needs Node.js 22.15 or later; this is ${process.versions.node}.`);
  }
  return fromZlib('zstd', promisify(zstdCompress) as Transform, promisify(zstdDecompress) as Transform);
}

async function loadPackage<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    throw undecodable(`The package ${name} cannot be loaded (${describeError(error)}).`, error);
  }
}

async function loadSnappy(): Promise<ClientCodec> {
  const { default: create } = await loadPackage('kafkajs-snappy', () => import('kafkajs-snappy'));
  const client = create();
  return {
    compress: (encoder) => client.compress(encoder),
    decompress: (buffer) =>
      unpack('snappy', async () => {
        checkSize(snappySize(buffer));
        return client.decompress(buffer);
      }),
  };
}

async function loadLz4(): Promise<ClientCodec> {
  const { default: Lz4 } = await loadPackage('kafkajs-lz4', () => import('kafkajs-lz4'));
  const client = new Lz4().codec();
  return {
    compress: (encoder) => client.compress(encoder),
    decompress: (buffer) =>
      unpack('lz4', async () => {
        checkSize(lz4Bound(buffer));
        return client.decompress(buffer);
      }),
  };
}

const LOADERS: Readonly<Record<Packed, () => Promise<ClientCodec>>> = {
  gzip: loadGzip,
  snappy: loadSnappy,
  lz4: loadLz4,
  zstd: loadZstd,
};

const loaded = new Map<Packed, Promise<ClientCodec>>();

/** Loaded once and when first needed; a failure is not kept, the package may be installed later. */
function load(codec: Packed): Promise<ClientCodec> {
  let promise = loaded.get(codec);
  if (promise === undefined) {
    promise = LOADERS[codec]();
    loaded.set(codec, promise);
    promise.catch(() => loaded.delete(codec));
  }
  return promise;
}

/** The codec for batches that we send. Rejects with BC_UNDECODABLE if its package or Node.js version is missing. */
export async function codecFor(compression: Packed): Promise<BatchCodec> {
  const codec = await load(compression);
  return { attributes: ATTRIBUTES[compression], compress: (buffer) => codec.compress({ buffer }) };
}

const isRegistered = (attributes: number): boolean => {
  try {
    kafkajs.CompressionCodecs[attributes as keyof typeof kafkajs.CompressionCodecs]();
    return true;
  } catch {
    return false;
  }
};

/**
 * Makes every codec known to the client, whose table is one for the process: gzip is replaced because its own output
 * is unbounded, a codec that the application registered itself is left alone.
 */
export function registerCodecs(): void {
  const table = kafkajs.CompressionCodecs as unknown as Record<number, () => ClientCodec>;
  for (const name of Object.keys(ATTRIBUTES) as Packed[]) {
    const attributes = ATTRIBUTES[name];
    if (name !== 'gzip' && isRegistered(attributes)) continue;
    table[attributes] = () => ({
      compress: async (encoder) => (await load(name)).compress(encoder),
      decompress: async (buffer) => (await load(name)).decompress(buffer),
    });
  }
}
