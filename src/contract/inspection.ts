import type { BuscouplerError } from './errors.js';

/** One thing that was looked at. `unknown`: the broker refused or did not answer; the error says why. */
export type Look<Value> =
  | { readonly status: 'seen'; readonly value: Value }
  | { readonly status: 'unknown'; readonly error: BuscouplerError };

/** What a place is for. */
export type PlacePurpose = 'topic' | 'work' | 'dead-letter' | 'retry';

/** One place that the bus uses, as configured. */
interface InspectedPlace {
  readonly name: string;
  readonly purpose: PlacePurpose;
  /** Consumers that need it; none for a topic that is only published to. */
  readonly consumers: readonly string[];
  /** False: somebody else creates it, the bus only checks that it is there. */
  readonly isOurs: boolean;
}

/** One partition of a topic. */
export interface InspectedPartition {
  readonly partition: number;
  /** Node id; below 0 while there is none. */
  readonly leader: number;
  readonly replicas: number;
  readonly inSync: number;
}

/** What a user may do to a topic, a group or a cluster, by Kafka's names (`READ`, `WRITE`, …). */
export type Operations = ReadonlySet<string>;

/** A topic of a log as it is. */
export interface LogTopicState {
  readonly partitions: readonly InspectedPartition[];
  readonly operations: Operations;
  /** By Kafka's names (`retention.ms`, …). */
  readonly settings: Look<ReadonlyMap<string, string>>;
}

/** A topic of a log. */
export interface InspectedLogTopic extends InspectedPlace {
  /** Partitions that its definition asks for; `null`: none asked for. */
  readonly wantedPartitions: number | null;
  /** Longest time that a copy waits in it by plan, ms; 0 for other topics. */
  readonly delayMs: number;
  /** The topic whose messages are copied into it; `null`: it holds no copies. */
  readonly copiesOf: string | null;
  /** `null`: it does not exist. */
  readonly state: Look<LogTopicState | null>;
  /** Whether the broker would create it; `null` if it is there or not ours. Nothing is created by asking. */
  readonly creation: Look<true> | null;
}

/** A consumer group of a log. */
interface InspectedGroup {
  readonly name: string;
  /** `null`: no group was ever used on this cluster, so that nothing can be asked. */
  readonly operations: Look<Operations | null>;
}

/** What was seen of a log. */
export interface LogInspection {
  readonly kind: 'log';
  /** As far as it can be told from outside. */
  readonly version: string | null;
  readonly nodes: number;
  /** Settings of one node. */
  readonly settings: Look<ReadonlyMap<string, string>>;
  /** Session timeout that our consumers ask for, ms. */
  readonly sessionTimeoutMs: number;
  readonly topics: readonly InspectedLogTopic[];
  readonly groups: readonly InspectedGroup[];
}

/** Arguments of a queue or an exchange, or what a policy sets. */
export type PlaceArguments = Readonly<Record<string, unknown>>;

/** What only the management API knows of a queue. */
export interface QueueDetails {
  readonly type: string;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  readonly isExclusive: boolean;
  readonly arguments: PlaceArguments;
  /** Names of the policies that are in force. */
  readonly policies: readonly string[];
  /** What they set together, without the prefix `x-`; `null`: the server does not know yet, some seconds after a change. */
  readonly policy: PlaceArguments | null;
  /** Exchanges that it is bound to. */
  readonly boundTo: readonly string[];
  /** The exchange of its dead letters is there; `null`: it has none, or that is the default exchange. */
  readonly hasDeadLetterExchange: boolean | null;
}

/** A queue that the bus uses. */
export interface InspectedQueue extends InspectedPlace {
  /** Arguments with which the bus declares it. */
  readonly declared: PlaceArguments;
  /** True: it is declared even when it is there, so that other arguments stop the bus. */
  readonly mustMatch: boolean;
  /** The exchange from which messages must reach it; `null`: the default one. */
  readonly exchange: string | null;
  /** Longest run of the handler of its consumer, ms; 0: nothing is handled out of it. */
  readonly handlerTimeoutMs: number;
  readonly isThere: Look<boolean>;
  /** `null`: the management API was not asked, or the queue is not there. */
  readonly details: Look<QueueDetails> | null;
}

/** What only the management API knows of an exchange. */
export interface ExchangeDetails {
  readonly type: string;
  readonly isDurable: boolean;
  /** Where messages go that no queue is bound for; `null`: they come back. */
  readonly alternate: string | null;
}

/** An exchange that the bus uses. */
export interface InspectedExchange extends InspectedPlace {
  /** The type with which the bus declares it. */
  readonly wantedType: string;
  /** True: the topic fails a message that reaches no queue. */
  readonly failsUnroutable: boolean;
  readonly isThere: Look<boolean>;
  /** `null`: the management API was not asked, or the exchange is not there. */
  readonly details: Look<ExchangeDetails> | null;
}

/** One node of a cluster of queues. */
export interface InspectedNode {
  readonly name: string;
  readonly isRunning: boolean;
  readonly hasMemoryAlarm: boolean;
  readonly hasDiskAlarm: boolean;
  /** Nodes that it lost sight of. */
  readonly partitions: readonly string[];
}

/** What a user may do in the virtual host: three regular expressions over names. */
export interface QueuePermissions {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** What the management API says of the server. */
export interface ManagementFacts {
  readonly nodes: Look<readonly InspectedNode[]>;
  /** Of the user of `RABBITMQ_URL`. */
  readonly permissions: Look<QueuePermissions>;
  /** By how much the clock of the server is ahead of ours, ms, to a second; `null`: it does not say. */
  readonly clockAheadMs: number | null;
}

/** What was seen of a broker of queues. */
export interface QueueInspection {
  readonly kind: 'queues';
  readonly version: string;
  readonly user: string;
  readonly exchanges: readonly InspectedExchange[];
  readonly queues: readonly InspectedQueue[];
  /** `null`: its address is not configured. */
  readonly management: Look<ManagementFacts> | null;
}

/** What an embedded broker says: it lives in the memory of its own process, so that there is nothing to set up. */
export interface EmbeddedInspection {
  readonly kind: 'embedded';
}

/** What was seen of a broker. */
export type Inspection = LogInspection | QueueInspection | EmbeddedInspection;

/** What was seen of the store of an inbox. */
export interface StoreInspection {
  /** True: what it confirmed survives the loss of a node, and transactions are possible. */
  readonly isReplicated: boolean;
  /** How long it keeps what is settled, ms; `null`: nothing was made yet. */
  readonly keptMs: number | null;
  /** By how much its clock is ahead of ours, ms. */
  readonly clockAheadMs: number;
}

/** Looks, and keeps the failure instead of throwing it. */
export async function lookAt<Value>(
  question: () => Promise<Value>,
  toError: (thrown: unknown) => BuscouplerError,
): Promise<Look<Value>> {
  try {
    return { status: 'seen', value: await question() };
  } catch (thrown) {
    return { status: 'unknown', error: toError(thrown) };
  }
}
