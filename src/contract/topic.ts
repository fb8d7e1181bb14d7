import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { BrokerName } from './message.js';

/** Any Standard Schema: zod, valibot, ArkType. `Input` is what callers publish, `Output` what handlers get. */
export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** When a publish counts as done: every broker of the route, the primary one, or the first that stores. */
export type PublishPolicy = 'all' | 'primary' | 'any';

/** How a topic looks on Kafka. Everything is optional: an absent section means a topic of the same name, created by us. */
export interface KafkaTopicSettings {
  /** Name of the Kafka topic. Default: the name of the definition. */
  readonly topic?: string;
  /** True: it exists; it is checked, never created or altered. Default `false`. */
  readonly existing?: boolean;
  /** Partitions at creation. Default 12. */
  readonly partitions?: number;
  /** Replicas at creation. Default: 3, or the number of brokers if there are fewer. */
  readonly replicationFactor?: number;
  /** Topic configuration at creation, as Kafka names it (`retention.ms`, …). */
  readonly config?: Readonly<Record<string, string>>;
}

/** How a topic looks on RabbitMQ. An absent section means a durable topic exchange of the same name, created by us. */
export interface RabbitmqTopicSettings {
  /** Name of the exchange. Default: the name of the definition. */
  readonly exchange?: string;
  /** Default `topic`. */
  readonly type?: 'topic' | 'direct' | 'fanout' | 'headers';
  /** Routing key: fixed, or a function of the message. Default: the name of the definition. */
  readonly routingKey?: string | ((message: { data: unknown; key: string | null }) => string);
  /** True: it exists; it is checked passively, never declared. Default `false`. */
  readonly existing?: boolean;
}

/** What {@link defineTopic} takes. */
export interface TopicOptions<Input = unknown, Output = Input> {
  /** Lowercase with underscores, as `feature_usage_topic`. */
  readonly name: string;
  /** Checked at publish and at delivery. Absent: any JSON value. */
  readonly schema?: Schema<Input, Output>;
  /** The key, which orders messages and chooses the partition. Absent: no key unless the caller gives one. */
  readonly key?: (data: Input) => string | null | undefined;
  /** `json` (default): the body is the caller's JSON. `bytes`: the body is the caller's Buffer, unchanged. */
  readonly codec?: 'json' | 'bytes';
  /** Brokers it is published to. Default: every enabled one. */
  readonly brokers?: readonly BrokerName[];
  /** Default: the bus' `publish.policy`. */
  readonly policy?: PublishPolicy;
  /** The named broker of policy `primary`. Default: the bus' `publish.primary`. */
  readonly primary?: BrokerName;
  /** With `any` or `primary`: a consumer's broker may miss a message after a crash, and that is meant. Default `false`. */
  readonly allowGaps?: boolean;
  /** A message that no queue is bound for: an error (default), or accepted. RabbitMQ only. */
  readonly unroutable?: 'fail' | 'accept';
  readonly kafka?: KafkaTopicSettings;
  readonly rabbitmq?: RabbitmqTopicSettings;
}

/** A named stream of one kind of message. Made by {@link defineTopic}; immutable. */
export interface TopicDefinition<Input = unknown, Output = Input> extends TopicOptions<Input, Output> {
  readonly kind: 'topic';
  readonly codec: 'json' | 'bytes';
  readonly unroutable: 'fail' | 'accept';
  readonly allowGaps: boolean;
  /** False for topics published by name only: they must exist, nothing is created. */
  readonly isDefined: boolean;
}

/** A topic definition whatever its data; what ports and adapters take. */
// biome-ignore lint/suspicious/noExplicitAny: the key function makes Input contravariant, so only any accepts them all
export type AnyTopic = TopicDefinition<any, any>;
