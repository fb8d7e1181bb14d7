import type { IncomingMessage, OutgoingMessage } from '../../contract/message.js';
import { HEADERS } from '../../messages/header-names.js';
import { readText } from '../../messages/headers.js';
import { MESSAGE_OVERHEAD_BYTES } from './message-size.js';
import { sharedHeaders } from './messages.js';
import { Ring } from './ring.js';

/** What is deleted although nobody may have read it, per partition, as Kafka's topic settings say it. Default: nothing. */
export interface LogRetention {
  /** Age of a record by its timestamp, ms (`retention.ms`). */
  readonly maxAgeMs?: number;
  /** Bytes that a partition keeps (`retention.bytes`). */
  readonly maxBytes?: number;
  /** Records that a partition keeps. */
  readonly maxMessages?: number;
}

/** Who reads a partition and is told of what is appended. */
export interface PartitionReader {
  wake(): void;
}

/** What a partition keeps of a message: what Kafka would. */
type LogRecord = Pick<OutgoingMessage, 'key' | 'body' | 'headers' | 'timestampMs'>;

/** One ordered part of a topic: records by offset. */
export class LogPartition {
  readonly topic: string;
  readonly index: number;
  readonly readers: PartitionReader[] = [];
  readonly #retention: LogRetention;
  readonly #records = new Ring<LogRecord>();
  readonly #costs = new Ring<number>();
  /** Offset of the oldest record that is kept. */
  startOffset = 0;
  /** Bytes of what is kept, overhead included. */
  bytes = 0;

  constructor(topic: string, index: number, retention: LogRetention) {
    this.topic = topic;
    this.index = index;
    this.#retention = retention;
  }

  /** Offset that the next record gets. */
  get endOffset(): number {
    return this.startOffset + this.#records.size;
  }

  append(message: OutgoingMessage, bytes: number): void {
    const { key, body, timestampMs } = message;
    const cost = bytes + MESSAGE_OVERHEAD_BYTES;
    this.#records.push({ key, body, headers: sharedHeaders(message.headers), timestampMs });
    this.#costs.push(cost);
    this.bytes += cost;
    for (let index = 0; index < this.readers.length; index += 1) this.readers[index]?.wake();
  }

  /** The record at an offset; `undefined` if it is deleted or not yet there. */
  read(offset: number): IncomingMessage | undefined {
    const record = this.#records.at(offset - this.startOffset);
    return record === undefined ? undefined : this.#incoming(record, offset);
  }

  messages(): IncomingMessage[] {
    return this.#records.toArray().map((record, index) => this.#incoming(record, this.startOffset + index));
  }

  /** Deletes what is older than retention allows. */
  applyRetention(epochMs: number): void {
    const { maxAgeMs, maxBytes = Infinity, maxMessages = Infinity } = this.#retention;
    const oldestMs = maxAgeMs === undefined ? -Infinity : epochMs - maxAgeMs;
    while (this.#records.size > maxMessages || this.bytes > maxBytes || this.#headIsBefore(oldestMs)) {
      this.#deleteHead();
    }
  }

  /** Deletes the head if it is before an offset; false if not. */
  deleteBefore(offset: number): boolean {
    if (this.startOffset >= offset || this.#records.size === 0) return false;
    this.#deleteHead();
    return true;
  }

  #headIsBefore(epochMs: number): boolean {
    const head = this.#records.at(0);
    return head !== undefined && head.timestampMs < epochMs;
  }

  #deleteHead(): void {
    this.#records.shift();
    this.bytes -= this.#costs.shift() ?? 0;
    this.startOffset += 1;
  }

  /** Made for each reader: what is kept for long should be few objects. */
  #incoming(record: LogRecord, offset: number): IncomingMessage {
    const { key, body, headers, timestampMs } = record;
    return {
      id: readText(headers, HEADERS.id),
      key,
      body,
      headers,
      contentType: readText(headers, HEADERS.contentType),
      timestampMs,
      position: { broker: 'kafka', topic: this.topic, partition: this.index, offset: String(offset) },
      isRedelivered: false,
    };
  }
}
