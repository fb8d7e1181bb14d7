import type { HeaderValue, IncomingMessage } from '../contract/message.js';
import { withoutBrokerHeaders } from './broker-headers.js';
import { HEADERS } from './header-names.js';

/** A longer key, which only foreign producers give, is not repeated in a header. */
const KEY_MAX_BYTES = 4 * 1024;

/** The headers that a copy of a message (retry, dead letter) keeps, as a new object with a null prototype. */
export function keptHeaders({ headers, key }: IncomingMessage): Record<string, HeaderValue> {
  const kept = withoutBrokerHeaders(headers);
  if (key !== null && Buffer.byteLength(key) <= KEY_MAX_BYTES) kept[HEADERS.key] = key;
  return kept;
}
