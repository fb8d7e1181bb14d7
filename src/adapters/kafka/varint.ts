/** Bytes of a zigzag varint. `value` is an integer of at most 31 bits in size. */
export function sizeOfVarint(value: number): number {
  const zigzag = (value << 1) ^ (value >> 31);
  if (zigzag >>> 7 === 0) return 1;
  if (zigzag >>> 14 === 0) return 2;
  if (zigzag >>> 21 === 0) return 3;
  return zigzag >>> 28 === 0 ? 4 : 5;
}

/** Writes a zigzag varint and returns where it ends. */
export function writeVarint(buffer: Uint8Array, value: number, at: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  let end = at;
  while (zigzag > 0x7f) {
    buffer[end] = (zigzag & 0x7f) | 0x80;
    end += 1;
    zigzag >>>= 7;
  }
  buffer[end] = zigzag;
  return end + 1;
}
