import type { Headers, HeaderValue } from '../contract/message.js';
import { copyHeaders } from './headers.js';

/** Headers of a broker's own dead-lettering and routing: meaningless on a copy, and some of them steer the broker. */
const STRIPPED = /^(x-death|x-first-death-.*|x-last-death-.*|x-delivery-count|CC|BCC)$/;

/** A copy of a message's headers as they may be published again: without what a broker added on the way. */
export function withoutBrokerHeaders(headers: Headers): Record<string, HeaderValue> {
  const kept = copyHeaders(headers);
  for (const name of Object.keys(kept)) if (STRIPPED.test(name)) delete kept[name];
  return kept;
}
