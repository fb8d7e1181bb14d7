import type { PublishTicket } from '../../contract/broker.js';
import type { IncomingMessage, OutgoingMessage } from '../../contract/message.js';
import { HEADERS } from '../../messages/header-names.js';
import { fromByteHeaders, type RawByteHeader, readText, toByteHeaders } from '../../messages/headers.js';
import type { FetchedRecord, ProduceRecord } from './driver.js';
import { RECORD_OVERHEAD_BYTES, sizeOfHeaders } from './record-batch.js';

/** A message that waits for its place in the log, with the ticket that is settled by it. */
export class PendingRecord implements ProduceRecord {
  readonly ticket: PublishTicket;
  readonly key: string | null;
  readonly keyBytes: number;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string | Buffer>>;
  readonly headersBytes: number;
  readonly timestampMs: number;
  /** Most bytes that it takes in a batch. */
  readonly bytes: number;

  constructor(ticket: PublishTicket) {
    const { key, body, headers, timestampMs }: OutgoingMessage = ticket.message;
    this.ticket = ticket;
    this.key = key;
    this.keyBytes = key === null ? 0 : Buffer.byteLength(key);
    this.value = body;
    this.headers = toByteHeaders(headers);
    this.headersBytes = sizeOfHeaders(this.headers);
    this.timestampMs = Math.trunc(timestampMs);
    this.bytes =
      RECORD_OVERHEAD_BYTES + this.keyBytes + (body === null ? 0 : body.length) + this.headersBytes;
  }
}

type RawHeaders = Readonly<Record<string, RawByteHeader>>;

/**
 * kafkajs gathers headers in a plain object, so a name that such objects inherit (`constructor`, `__proto__`) comes as
 * an array that begins with the inherited value: only what can come from the wire is kept.
 */
function cleanHeaders(raw: Readonly<Record<string, unknown>>): RawHeaders {
  for (const name in raw) if (Array.isArray(raw[name])) return withoutInherited(raw);
  return raw as RawHeaders;
}

function withoutInherited(raw: Readonly<Record<string, unknown>>): RawHeaders {
  const clean: Record<string, RawByteHeader> = Object.create(null);
  for (const name of Object.keys(raw)) {
    const value = raw[name];
    if (!Array.isArray(value)) {
      clean[name] = value as RawByteHeader;
      continue;
    }
    const values = value.filter((one) => Buffer.isBuffer(one) || typeof one === 'string' || one === null);
    clean[name] = values.length === 1 ? values[0] : values;
  }
  return clean;
}

/** Where a record stands. */
export interface RecordPlace {
  readonly topic: string;
  readonly partition: number;
}

/** A fetched record as the rest of the bus reads it. */
export function toIncoming(record: FetchedRecord, { topic, partition }: RecordPlace): IncomingMessage {
  const headers = fromByteHeaders(cleanHeaders(record.headers ?? {}));
  const timestampMs = Number(record.timestamp);
  return {
    id: readText(headers, HEADERS.id),
    key: record.key === null ? null : record.key.toString('utf8'),
    body: record.value,
    headers,
    contentType: readText(headers, HEADERS.contentType),
    timestampMs: timestampMs >= 0 ? timestampMs : null,
    position: { broker: 'kafka', topic, partition, offset: record.offset },
    isRedelivered: false,
  };
}
