import { randomFillSync } from 'node:crypto';

/** Random bytes drawn at once: one system call per 256 ids. */
const POOL_BYTES = 10 * 256;
const pool = Buffer.allocUnsafe(POOL_BYTES);
let poolAt = POOL_BYTES;

/** Codes of the 16 digits. */
const DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** The id under construction: one text is made of it, where joining pieces would leave a tree of them to be flattened. */
const draft = Buffer.from('00000000-0000-7000-8000-000000000000', 'latin1');

let lastMs = -1;

/** Writes the 48 bits of the time; they stay for the current millisecond. */
function draftTime(epochMs: number): void {
  if (epochMs === lastMs) return;
  const hex = Math.trunc(epochMs).toString(16).padStart(12, '0');
  draft.write(`${hex.slice(0, 8)}-${hex.slice(8, 12)}`, 'latin1');
  lastMs = epochMs;
}

function draftByte(at: number, byte: number): void {
  draft[at] = DIGITS[byte >> 4] as number;
  draft[at + 1] = DIGITS[byte & 0x0f] as number;
}

/**
 * A new UUIDv7 (RFC 9562): time-ordered to the millisecond, 74 random bits. By hand with pooled random bytes, because
 * an id is made for every message and the packages cost three to ten times as much.
 */
export function newMessageId(epochMs: number): string {
  if (poolAt === POOL_BYTES) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const at = poolAt;
  poolAt += 10;
  draftTime(epochMs);
  draftByte(14, 0x70 | ((pool[at] as number) & 0x0f));
  draftByte(16, pool[at + 1] as number);
  draftByte(19, 0x80 | ((pool[at + 2] as number) & 0x3f));
  draftByte(21, pool[at + 3] as number);
  for (let index = 0; index < 6; index += 1) draftByte(24 + 2 * index, pool[at + 4 + index] as number);
  return draft.toString('latin1');
}

let isoMs = -1;
let isoText = '';

/** ISO 8601 in UTC with ms, kept for the current millisecond. */
export function isoTime(epochMs: number): string {
  if (epochMs !== isoMs) {
    isoText = new Date(epochMs).toISOString();
    isoMs = epochMs;
  }
  return isoText;
}
