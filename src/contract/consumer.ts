import type { Logger } from './logger.js';
import type { BrokerName, Message } from './message.js';
import type { AnyTopic, TopicDefinition } from './topic.js';
import type { TransactionSession } from './transaction-session.js';

/** Delays between attempts in process. */
export interface BackoffOptions {
  /** First delay, ms. Default 100. */
  readonly initialMs?: number;
  /** Each delay is the one before times this. Default 2. */
  readonly factor?: number;
  /** Longest delay, ms. Default 10,000. */
  readonly maxMs?: number;
  /** Share of the delay that is random, 0–1. Default 0.2. */
  readonly jitter?: number;
}

/** A class of errors, whatever its constructor takes. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are contravariant, so only any accepts them all
export type ErrorClass = abstract new (...args: any[]) => unknown;

/** Errors that trying again cannot cure: the message goes to the dead letters at once, with reason `rejected`. */
export interface FinalErrors {
  /** Classes; their subclasses too. */
  readonly types?: readonly ErrorClass[];
  /** Values of the error's property `code`. */
  readonly codes?: readonly (string | number)[];
  /** Anything else. A throw of it counts as `false`. */
  readonly when?: (error: unknown) => boolean;
}

/** Retry of a failed message. */
export interface RetryOptions {
  /** In process; only the key's lane waits. `attempts` counts the first run too. Default 3, total delay at most 30 s. */
  readonly inline?: { readonly attempts?: number; readonly backoff?: BackoffOptions };
  /**
   * When inline attempts are used up: how long each deferred copy waits, ascending, as ms or `'5s'`; each copy gets all
   * inline attempts. Never early, maybe late; other messages of its key overtake it. Default none; at most 10.
   */
  readonly deferred?: readonly (number | string)[];
  /** Longest time from the first failure to the last attempt, as ms or `'1d'`. Default one day. */
  readonly maxAge?: number | string;
  /** Errors that are never retried. `retriable: false` on an error says the same. */
  readonly never?: FinalErrors;
}

/** A value that a handler returns instead of throwing. Made by the functions of {@link HandlerContext}. */
export type HandlerVerdict =
  | { readonly kind: 'retry'; readonly afterMs: number }
  | { readonly kind: 'dead-letter'; readonly reason: string }
  | { readonly kind: 'drop'; readonly reason: string };

/** What a handler may return: nothing (done) or a verdict. */
// biome-ignore lint/suspicious/noConfusingVoidType: handlers that return nothing are the common case
export type HandlerResult = void | undefined | HandlerVerdict;

/** What surrounds one run of a handler. */
export interface HandlerContext {
  readonly messageId: string;
  /** 1 on the first run; counts inline attempts and deferred copies. */
  readonly attempt: number;
  readonly consumer: string;
  readonly broker: BrokerName;
  /** Aborted at the deadline, and when the bus closes and its deadline has passed. */
  readonly signal: AbortSignal;
  readonly deadline: Date;
  /** The same for every attempt of one message: for effects outside any transaction. */
  readonly idempotencyKey: string;
  readonly logger: Logger;
  /**
   * With `inbox: { transaction: true }`: writes that are given it are committed together with the record that the message
   * is done, or not at all. Otherwise `undefined`.
   */
  readonly session: TransactionSession | undefined;
  /** Run again after this many ms (or `'5s'`); an attempt like any other. */
  retry(options?: { after?: number | string }): HandlerVerdict;
  /** Give up at once, with reason `rejected`. */
  deadLetter(reason: string): HandlerVerdict;
  /** Settle without effect. */
  drop(reason: string): HandlerVerdict;
}

/** Handles one message. It returns (done), throws (the retry policy decides) or returns a verdict; a throw wins. */
export type Handler<Data> = (
  message: Message<Data>,
  context: HandlerContext,
) => HandlerResult | Promise<HandlerResult>;

/** How a consumer looks on Kafka. */
export interface KafkaConsumerSettings {
  /** Name of the dead-letter topic. Default `{topic}_dlt`. */
  readonly deadLetterTopic?: string;
  /** What the names of its retry topics begin with. Default: the group (with several topics in one group: `{group}_{topic}`). */
  readonly retryPrefix?: string;
  /** Where a new group starts. Default `earliest`: messages sent before the first start are received. */
  readonly startFrom?: 'earliest' | 'latest';
  /**
   * Batches that cannot be decoded and are stepped over, each as `topic/partition/offset` of any record in it. Other
   * positions are not skipped. Default none.
   */
  readonly skip?: readonly string[];
}

/** How a consumer looks on RabbitMQ. */
export interface RabbitmqConsumerSettings {
  /** Name of the queue. Default: the group (with several topics in one group: `{group}_{topic}`). */
  readonly queue?: string;
  /** Binding keys, or header bindings. Default: the topic's fixed routing key, `#` for a topic exchange with a function. */
  readonly bindings?: readonly (string | Readonly<Record<string, string>>)[];
  /** True: queue and bindings exist; they are checked passively, never declared. Default `false`. */
  readonly existing?: boolean;
  /** Name of the dead-letter queue. Default `{queue}_dlq`. */
  readonly deadLetterQueue?: string;
  /** `x-delivery-limit` of a queue that we declare. Default 20, at least 20. */
  readonly deliveryLimit?: number;
}

/** How a consumer uses the inbox of the bus. */
export interface ConsumerInbox {
  /**
   * True: the handler's writes with `context.session` and the record that the message is done are committed together. Needs
   * an inbox with transactions (MongoDB as a replica set), and `timeoutMs` below the life of a transaction. Default `false`.
   */
  readonly transaction?: boolean;
}

/** What becomes of a copy that is too old for the inbox to know. */
export type OutsideWindow = 'stop' | 'run' | 'dead-letter';

/** An effect that a unique index guards. */
export interface DuplicateEffect {
  /** The key pattern of the index, as it was created: `{ user: 1, day: 1 }`. */
  readonly index: Readonly<Record<string, number | string>>;
}

/** What {@link defineConsumer} takes. */
export interface ConsumerOptions<Output> {
  /** Lowercase with dashes. It never changes when the consumer moves, and names its flag. */
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a consumer sees only the output side of its topic
  readonly topic: TopicDefinition<any, Output>;
  /** Consumer group on Kafka, queue on RabbitMQ. */
  readonly group: string;
  readonly handle: Handler<Output>;
  /** Handlers in flight per instance. Default 16. */
  readonly concurrency?: number;
  /** `key` (default): messages with one key run one after another. `none`: no promise. */
  readonly ordering?: 'key' | 'none';
  readonly retry?: RetryOptions;
  /** Deadline of one run of the handler, ms. Default 60,000, with transactions 30,000; at most 1,200,000 (RabbitMQ closes channels at 30 min). */
  readonly timeoutMs?: number;
  /** What happens to a message that fails its schema or is no JSON: dead letter (default) or drop. */
  readonly invalid?: 'dead-letter' | 'drop';
  /** False: no inbox for this consumer even if the bus has one. Default `true`. */
  readonly inbox?: boolean | ConsumerInbox;
  /**
   * A single write of MongoDB that fails with a duplicate key on exactly this index means that the effect is there already:
   * the message is done. Any other duplicate key is a failure like others. Default: none.
   */
  readonly onDuplicate?: DuplicateEffect;
  /**
   * A copy that is older than the inbox surely remembers: `stop` keeps it and takes nothing past it, `run` runs it although
   * it may have been handled, `dead-letter` gives it up with reason `expired`. Default `stop` with an inbox that outlives the
   * process, else `run`.
   */
  readonly outsideWindow?: OutsideWindow;
  readonly kafka?: KafkaConsumerSettings;
  readonly rabbitmq?: RabbitmqConsumerSettings;
}

/** Retry with every default filled in. */
export interface ResolvedRetry {
  /** Inline, for each copy. */
  readonly attempts: number;
  readonly backoff: Required<BackoffOptions>;
  /** What each deferred copy waits, ascending. */
  readonly deferredMs: readonly number[];
  readonly maxAgeMs: number;
  readonly never: FinalErrors;
}

/** A named handler of one topic. Made by {@link defineConsumer}; immutable, defaults filled in. */
export interface ConsumerDefinition<Output = unknown> extends Omit<ConsumerOptions<Output>, 'retry'> {
  readonly kind: 'consumer';
  readonly concurrency: number;
  readonly ordering: 'key' | 'none';
  readonly retry: ResolvedRetry;
  readonly timeoutMs: number;
  readonly invalid: 'dead-letter' | 'drop';
  readonly inbox: boolean | ConsumerInbox;
  readonly kafka: KafkaConsumerSettings;
  readonly rabbitmq: RabbitmqConsumerSettings;
}

/** A consumer definition whatever its data. */
// biome-ignore lint/suspicious/noExplicitAny: the handler makes Output contravariant, so only any accepts them all
export type AnyConsumer = ConsumerDefinition<any> & { readonly topic: AnyTopic };
