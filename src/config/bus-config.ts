import type {
  ConsumerOptions,
  KafkaConsumerSettings,
  RabbitmqConsumerSettings,
} from '../contract/consumer.js';
import type { BrokerName } from '../contract/message.js';
import type { KafkaSettings, PublishBounds, RabbitmqSettings } from '../contract/settings.js';
import type { PublishPolicy, TopicOptions } from '../contract/topic.js';

/** Levels of log lines, from most to least; `silent` writes none. */
type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Where a value came from, in order of precedence. */
export type OriginSource = 'override' | 'environment' | 'file' | 'default';

/** One resolved value and where it came from. */
export interface SettingOrigin {
  readonly source: OriginSource;
  /** What to change: a variable of the environment, or the dotted path in the file or the overrides. */
  readonly name: string;
  /** The resolved value as text, secrets masked. */
  readonly shown: string;
}

/** What configuration says of one topic; it wins over the definition in code. */
type TopicConfig = Pick<
  TopicOptions,
  'brokers' | 'policy' | 'primary' | 'allowGaps' | 'unroutable' | 'kafka' | 'rabbitmq'
>;

/** What configuration says of one consumer; it wins over the definition in code. The broker is in {@link Flags}. */
export type ConsumerConfig = Pick<
  ConsumerOptions<unknown>,
  'concurrency' | 'ordering' | 'retry' | 'timeoutMs' | 'invalid' | 'inbox' | 'outsideWindow'
> & {
  readonly kafka?: KafkaConsumerSettings;
  readonly rabbitmq?: RabbitmqConsumerSettings;
};

/** Which consumer is fed by which broker, as given by each source; `resolveFlags` decides. */
export interface Flags {
  /** By consumer name. */
  readonly overrides: Readonly<Record<string, BrokerName>>;
  /** By name of the variable, as `CONSUMER_FEATURE_USAGE_BROKER`. */
  readonly environment: Readonly<Record<string, BrokerName>>;
  /** By consumer name. */
  readonly file: Readonly<Record<string, BrokerName>>;
}

/** Everything that was configured: validated, complete, frozen. Made by `loadConfig`. */
export interface BusConfig {
  /** The brokers that are on, `kafka` first. At least one. */
  readonly enabled: readonly BrokerName[];
  /** True: embedded brokers serve the enabled names, and `brokers` is empty. */
  readonly embedded: boolean;
  /** How to reach the enabled brokers. */
  readonly brokers: { readonly kafka?: KafkaSettings; readonly rabbitmq?: RabbitmqSettings };
  /** Feeds the consumers that no flag names. */
  readonly defaultBroker: BrokerName;
  readonly flags: Flags;
  /** By topic name. */
  readonly topics: Readonly<Record<string, TopicConfig>>;
  /** By consumer name. */
  readonly consumers: Readonly<Record<string, ConsumerConfig>>;
  readonly publish: {
    readonly policy: PublishPolicy;
    /** The broker that must store, with policy `primary`. */
    readonly primary?: BrokerName;
    readonly timeoutMs: number;
    readonly bounds: PublishBounds;
  };
  readonly start: { readonly timeoutMs: number };
  /** Oldest message that is handled, ms. */
  readonly maxMessageAgeMs: number;
  readonly deadLetters: {
    /** How often one letter may be replayed. */
    readonly maxReplays: number;
    /** Oldest dead letter that is replayed, ms. */
    readonly maxReplayAgeMs: number;
  };
  readonly logLevel: LogLevel;
  /** Log lines for people. Absent: only on a terminal. */
  readonly logPretty?: boolean;
  /** Base URL of RabbitMQ's management API; may hold credentials. */
  readonly managementUrl?: string;
  /** Path of the file that was read; `null` without one. */
  readonly file: string | null;
  /** Every setting, by dotted path, and where its value came from. */
  readonly origins: Readonly<Record<string, SettingOrigin>>;
  /** Sentences about what works but is not as it should be, secrets masked. */
  readonly warnings: readonly string[];
}
