const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/** The length that stands at the front of a raw snappy block. */
function snappyBlockSize(bytes: Buffer, start: number): number {
  let size = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = bytes[start + index];
    if (byte === undefined) break;
    size += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) break;
  }
  return size;
}

/** How many bytes a snappy buffer says that it unpacks to: one raw block, or the chunks of the Java framing. */
export function snappySize(bytes: Buffer): number {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return snappyBlockSize(bytes, 0);
  let total = 0;
  for (let at = XERIAL_HEADER_BYTES; at + 4 <= bytes.length; ) {
    const chunk = bytes.readUInt32BE(at);
    total += snappyBlockSize(bytes, at + 4);
    at += 4 + chunk;
  }
  return total;
}

const LZ4_MAGIC = 0x184d2204;
const LZ4_UNCOMPRESSED = 0x80000000;

/** The most bytes that an LZ4 frame can unpack to: its blocks times the block size that its header allows. */
export function lz4Bound(bytes: Buffer): number {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== LZ4_MAGIC) return 0;
  const flags = bytes[4] as number;
  const blockMax = 1 << (8 + 2 * (((bytes[5] as number) >>> 4) & 7));
  const hasChecksums = (flags & 0x10) !== 0;
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
  let total = 0;
  while (at + 4 <= bytes.length) {
    const word = bytes.readUInt32LE(at);
    if (word === 0) break;
    const stored = word & ~LZ4_UNCOMPRESSED;
    total += word >= LZ4_UNCOMPRESSED ? stored : blockMax;
    at += 4 + stored + (hasChecksums ? 4 : 0);
  }
  return total;
}
