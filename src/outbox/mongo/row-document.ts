import type mongoose from 'mongoose';
import type { BrokerName, HeaderValue } from '../../contract/message.js';
import type { OutboxRow } from '../../contract/outbox.js';

/** A row as MongoDB keeps it. */
export interface RowDocument {
  /** Topic and message id: the index that every collection has keeps them unique. */
  readonly _id: string;
  /** Given by the server at the insert: rows of transactions that follow each other are in order, whoever wrote them. */
  readonly at: mongoose.mongo.Timestamp;
  readonly topic: string;
  readonly order: string;
  readonly lane: number;
  /** Brokers that have not stored it and may take it. */
  readonly open: BrokerName[];
  /** Brokers that refused it for good, and why; absent until one does, so that the index stays small. */
  readonly parked?: BrokerName[];
  readonly reasons?: Partial<Record<BrokerName, string>>;
  readonly id: string;
  readonly key: string | null;
  readonly body: Buffer | null;
  /** Pairs, because a header's name may have dots and dollars. */
  readonly headers: [name: string, value: HeaderValue][];
  readonly contentType: string;
  readonly publishedAtMs: number;
}

/** The document of a new row. An empty timestamp is what the server replaces. */
export function documentOf(row: OutboxRow, empty: mongoose.mongo.Timestamp): RowDocument {
  const { message } = row;
  return {
    _id: row.rowId,
    at: empty,
    topic: row.topic,
    order: row.order,
    lane: row.lane,
    open: [...row.brokers],
    id: message.id,
    key: message.key,
    body: message.body,
    headers: Object.entries(message.headers),
    contentType: message.contentType,
    publishedAtMs: message.timestampMs,
  };
}

/** The row of a document that was read with Buffers promoted. */
export function rowOf(document: RowDocument): OutboxRow {
  const { id, key, body, contentType, publishedAtMs } = document;
  const headers: Record<string, HeaderValue> = Object.create(null);
  for (const [name, value] of document.headers) headers[name] = value;
  return {
    rowId: document._id,
    topic: document.topic,
    order: document.order,
    lane: document.lane,
    brokers: document.open,
    message: { id, key, body, headers, contentType, timestampMs: publishedAtMs },
  };
}
