/** A publish was called. Calls of one producer with one key are ordered by where they stand in the history. */
export interface PublishInvoked {
  readonly type: 'publish-invoked';
  readonly id: string;
  readonly topic: string;
  readonly key?: string;
  /** Which process or connection published. Default: all are one. */
  readonly producer?: string;
}

/** How a publish ended. A publish that is repeated with its id counts by the best of its ends. */
export interface PublishEnded {
  readonly type: 'publish-ok' | 'publish-failed' | 'publish-uncertain';
  readonly id: string;
}

/** From here on this consumer is owed every message of the topic, earlier ones included. */
export interface ConsumerDeclared {
  readonly type: 'consumer';
  readonly consumer: string;
  readonly topic: string;
}

/** A copy was handed to a consumer. */
export interface Delivered {
  readonly type: 'delivered';
  readonly consumer: string;
  readonly id: string;
  /** Number of the copy, as in `bc-attempt`. Default 1. */
  readonly attempt?: number;
  readonly broker?: string;
  /** The log that it lies in, for brokers whose consumers let go by position. */
  readonly place?: string;
  /** Where it lies in `place`. */
  readonly position?: number;
}

/** The handler did its work for good. */
export interface Effect {
  readonly type: 'effect';
  readonly consumer: string;
  readonly id: string;
  /** Raised by a replay of what was dead. Default 0. */
  readonly generation?: number;
}

/** A message was given up on, with its letter stored, or settled without effect because that was asked for. */
export interface GivenUp {
  readonly type: 'dead-letter' | 'dropped';
  readonly consumer: string;
  readonly id: string;
  readonly reason?: string;
}

/** A copy for later was stored. */
export interface Retried {
  readonly type: 'retry';
  readonly consumer: string;
  readonly id: string;
  /** Number of the new copy, at least 2. */
  readonly attempt: number;
}

/** One copy was let go of (an acknowledgement). */
export interface Settled {
  readonly type: 'settled';
  readonly consumer: string;
  readonly id: string;
  /** Number of the copy. Default 1. */
  readonly attempt?: number;
}

/** Everything of a log below a position was let go of (a committed offset). */
export interface Committed {
  readonly type: 'committed';
  readonly consumer: string;
  readonly place: string;
  /** The first position that was not let go of. */
  readonly position: number;
}

/** A consumer was moved. */
export interface HandedOver {
  readonly type: 'handover';
  readonly consumer: string;
  readonly from: string;
  readonly to: string;
}

/** Every fault is over, and there was time enough since. */
export interface Healed {
  readonly type: 'healed';
}

/** At the end of the run a copy lies in a broker, for this consumer, and was not let go of. */
export interface Waiting {
  readonly type: 'waiting';
  readonly consumer: string;
  readonly id: string;
}

/** Something that happened to a message. A history lists events in the order in which they were seen. */
export type HistoryEvent =
  | PublishInvoked
  | PublishEnded
  | ConsumerDeclared
  | Delivered
  | Effect
  | GivenUp
  | Retried
  | Settled
  | Committed
  | HandedOver
  | Healed
  | Waiting;
