import type { HeaderValue, IncomingMessage } from '../contract/message.js';
import { HEADERS } from './header-names.js';
import { copyHeaders } from './headers.js';

/** A longer key, which only foreign producers give, is not repeated in a header. */
const KEY_MAX_BYTES = 4 * 1024;

/** Headers of a broker's own dead-lettering and routing: meaningless on a copy, and some of them steer the broker. */
const STRIPPED = /^(x-death|x-first-death-.*|x-last-death-.*|x-delivery-count|CC|BCC)$/;

/** The headers that a copy of a message (retry, dead letter) keeps, as a new object with a null prototype. */
export function keptHeaders({ headers, key }: IncomingMessage): Record<string, HeaderValue> {
  const kept = copyHeaders(headers);
  for (const name of Object.keys(kept)) if (STRIPPED.test(name)) delete kept[name];
  if (key !== null && Buffer.byteLength(key) <= KEY_MAX_BYTES) kept[HEADERS.key] = key;
  return kept;
}
