/** The two broker names of configuration, flags and receipts. Embedded brokers serve the same names. */
export type BrokerName = 'kafka' | 'rabbitmq';

/** Every broker name, in the order in which reports list them. */
export const BROKER_NAMES: readonly BrokerName[] = ['kafka', 'rabbitmq'];

/**
 * A header value. Callers give strings or Buffers; messages of foreign producers may carry the rest, which
 * survives retry and dead letter unchanged.
 */
export type HeaderValue =
  | string
  | Buffer
  | number
  | bigint
  | boolean
  | null
  | readonly HeaderValue[]
  | HeaderTable;

/** A nested AMQP table; Kafka has none. */
export interface HeaderTable {
  readonly [name: string]: HeaderValue;
}

/** Headers by name. Incoming ones have a null prototype: the wire can carry `__proto__`. */
export type Headers = Readonly<Record<string, HeaderValue>>;

/** Where a message was read from. */
export type Position =
  | { readonly broker: 'kafka'; readonly topic: string; readonly partition: number; readonly offset: string }
  | {
      readonly broker: 'rabbitmq';
      readonly queue: string;
      readonly exchange: string;
      readonly routingKey: string;
    };

/** A complete message as it goes to every broker of the route: serialised once, ours and the user's headers together. */
export interface OutgoingMessage {
  /** Message id, identical on every broker. */
  readonly id: string;
  readonly key: string | null;
  /** The bytes; `null` is a Kafka tombstone (on RabbitMQ an empty body with the header `bc-tombstone`). */
  readonly body: Buffer | null;
  readonly headers: Headers;
  readonly contentType: string;
  /** Publish time, ms since the Unix epoch. Copies for dead letters carry the time of the copy. */
  readonly timestampMs: number;
  /** The value that was serialised; for functions of the message (routing key). Absent on copies. */
  readonly data?: unknown;
}

/** A message as an adapter read it; nothing is parsed yet. */
export interface IncomingMessage {
  /** `bc-id`, else the AMQP `messageId`, else `null` (a foreign producer). */
  readonly id: string | null;
  readonly key: string | null;
  /** `null`: a tombstone. */
  readonly body: Buffer | null;
  /** Null prototype; never changed after it was handed over. */
  readonly headers: Headers;
  readonly contentType: string | null;
  /** When the broker or the publisher says it was published, ms since the epoch; `null` if neither does. */
  readonly timestampMs: number | null;
  readonly position: Position;
  /** The broker says that it delivered this message before (RabbitMQ only; a hint, never a count). */
  readonly isRedelivered: boolean;
}

/** What a handler gets. */
export interface Message<Data = unknown> {
  readonly id: string;
  /** Name of the topic definition. */
  readonly topic: string;
  readonly key: string | null;
  /** The output of the topic's schema. */
  readonly data: Data;
  /** A copy: changes stay invisible to retries and dead letters. */
  readonly headers: Headers;
  readonly publishedAt: Date | null;
  readonly position: Position;
}
