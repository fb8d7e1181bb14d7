import type { Headers, HeaderValue, OutgoingMessage } from '../../contract/message.js';

/** What a stored message is counted with beyond its bytes: the objects around it. */
export const MESSAGE_OVERHEAD_BYTES = 256;

/** Bytes of body, key and headers. Text is counted by UTF-16 units: exact for ASCII, and free. */
export function messageSize(message: Pick<OutgoingMessage, 'body' | 'key' | 'headers'>): number {
  return (message.body?.length ?? 0) + (message.key?.length ?? 0) + headersSize(message.headers);
}

function headersSize(headers: Headers): number {
  let bytes = 0;
  for (const name in headers) bytes += name.length + valueSize(headers[name] as HeaderValue);
  return bytes;
}

function valueSize(value: HeaderValue): number {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.length;
  if (value === null || typeof value !== 'object') return 8;
  return Array.isArray(value)
    ? value.reduce((sum: number, inner: HeaderValue) => sum + valueSize(inner), 0)
    : headersSize(value as Headers);
}
