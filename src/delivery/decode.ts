import type { AnyConsumer } from '../contract/consumer.js';
import type { Headers, IncomingMessage, Message, Position } from '../contract/message.js';
import { codecOf } from '../messages/codec.js';
import { HEADERS } from '../messages/header-names.js';
import { cloneHeaders, readTimeMs } from '../messages/headers.js';
import { compileSchema, type Validation } from '../messages/schema.js';
import { isThenable } from '../messages/thenable.js';

/** Longest id that is taken as one; AMQP's `messageId` holds no more. */
const ID_MAX_LENGTH = 255;

/** What a handler gets; headers are copied when they are first asked for. */
class DecodedMessage implements Message {
  readonly id: string;
  readonly topic: string;
  readonly data: unknown;
  readonly #incoming: IncomingMessage;
  #headers: Headers | null = null;

  constructor(id: string, topic: string, data: unknown, incoming: IncomingMessage) {
    this.id = id;
    this.topic = topic;
    this.data = data;
    this.#incoming = incoming;
  }

  get key(): string | null {
    return this.#incoming.key;
  }

  get headers(): Headers {
    this.#headers ??= cloneHeaders(this.#incoming.headers);
    return this.#headers;
  }

  get publishedAt(): Date | null {
    const { headers, timestampMs } = this.#incoming;
    // A retry copy has a timestamp of its own.
    const publishedAtMs = readTimeMs(headers, HEADERS.publishedAt) ?? timestampMs;
    return publishedAtMs === null ? null : new Date(publishedAtMs);
  }

  get position(): Position {
    return { ...this.#incoming.position };
  }
}

/**
 * The id of a message. A foreign one without a usable id gets its position in the log, which every redelivery repeats; a
 * queue has no positions: `null`.
 */
export function identityOf({ id, position }: IncomingMessage): string | null {
  if (id !== null && id !== '' && id.length <= ID_MAX_LENGTH) return id;
  return position.broker === 'kafka' ? `${position.topic}/${position.partition}/${position.offset}` : null;
}

/** A decoded message or why it is invalid. */
export type DecodeResult = { readonly message: Message } | { readonly problem: string };

/** Decodes and validates the messages of one consumer; anew for each attempt, so that a handler's changes do not last. */
export type Decode = (incoming: IncomingMessage, id: string) => DecodeResult | Promise<DecodeResult>;

/** Makes the decoder of a consumer. */
export function createDecoder(consumer: AnyConsumer): Decode {
  const { topic } = consumer;
  const codec = codecOf(topic);
  const validate = topic.schema === undefined ? null : compileSchema(topic.schema);
  const finish = (incoming: IncomingMessage, id: string, checked: Validation): DecodeResult =>
    'problem' in checked
      ? { problem: `the schema of topic "${topic.name}" refuses it: ${checked.problem}` }
      : { message: new DecodedMessage(id, topic.name, checked.value, incoming) };
  return (incoming, id) => {
    const decoded = incoming.body === null ? { value: null } : codec.decode(incoming.body);
    if ('problem' in decoded) return decoded;
    if (validate === null) return finish(incoming, id, decoded);
    const checked = validate(decoded.value);
    return isThenable<Validation>(checked)
      ? checked.then((result) => finish(incoming, id, result))
      : finish(incoming, id, checked);
  };
}
