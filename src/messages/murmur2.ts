const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/**
 * The hash by which Kafka's Java client chooses partitions, as a signed 32-bit integer: 32-bit MurmurHash2 with
 * Kafka's seed (`org.apache.kafka.common.utils.Utils.murmur2`). Only the first `length` bytes count, default all.
 */
export function murmur2(bytes: Uint8Array, length: number = bytes.length): number {
  const wholeEnd = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < wholeEnd; at += 4) {
    let word = Math.imul(readWord(bytes, at), MULTIPLIER);
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  if (wholeEnd < length) hash = mixTail(hash, bytes, { at: wholeEnd, left: length - wholeEnd });
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/** Four bytes, little endian. */
function readWord(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}

/** The last one to three bytes. */
function mixTail(hash: number, bytes: Uint8Array, { at, left }: { at: number; left: number }): number {
  let tail = bytes[at] as number;
  if (left > 1) tail |= (bytes[at + 1] as number) << 8;
  if (left > 2) tail |= (bytes[at + 2] as number) << 16;
  return Math.imul(hash ^ tail, MULTIPLIER);
}

const SHORT_KEY_LENGTH = 256;
/** Short keys are encoded into this one buffer (3 bytes a UTF-16 unit at most): a hash per message must not allocate. */
const scratch = Buffer.allocUnsafeSlow(SHORT_KEY_LENGTH * 3);

/** The partition that Kafka's Java client gives a key (its UTF-8 bytes) among `partitions` of them. */
export function partitionOfKey(key: string, partitions: number): number {
  const hash =
    key.length <= SHORT_KEY_LENGTH ? murmur2(scratch, scratch.write(key)) : murmur2(Buffer.from(key));
  return (hash & 0x7fffffff) % partitions;
}
