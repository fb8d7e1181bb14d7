import type { BuscouplerError } from './errors.js';
import type { BrokerName } from './message.js';

/** Everything that the bus tells about, by name. One event is one log line; nothing is emitted per handled message. */
export interface BusEvents {
  /** First try to reach a broker. `address` holds no secret. */
  'broker-connecting': { broker: BrokerName; address: string };
  /** A connection stands, for publishing, for consuming or for creating places. */
  'broker-connected': { broker: BrokerName; role: 'publisher' | 'consumer' | 'admin' };
  /** A connection was lost or could not be made; it is tried again by itself. */
  'broker-lost': { broker: BrokerName; error: BuscouplerError };
  /** A connection that was lost stands again, `afterMs` after it was lost. */
  'broker-recovered': { broker: BrokerName; afterMs: number };
  /** The broker stopped taking publishes (memory or disk alarm). */
  'broker-blocked': { broker: BrokerName; reason: string };
  /** The broker takes publishes again. */
  'broker-unblocked': { broker: BrokerName };
  /** The bus started although this broker is away; it joins by itself. */
  'broker-degraded': { broker: BrokerName; error: BuscouplerError };
  /** A topic, exchange, queue, dead-letter or retry place did not exist and was created; Kafka keeps dead letters and retry copies for 14 days. */
  'place-created': {
    broker: BrokerName;
    kind: 'topic' | 'exchange' | 'queue' | 'dead-letter' | 'retry';
    name: string;
  };
  /** A consumer is fed by this broker from now on. */
  'consumer-started': { consumer: string; topic: string; group: string; broker: BrokerName };
  /** A consumer is not fed by this broker any more; what is unsettled is delivered again later. */
  'consumer-stopped': { consumer: string; broker: BrokerName; unsettled: number };
  /** A consumer takes no messages for now, by itself or because it was asked to. */
  'consumer-paused': { consumer: string; reason: string };
  /** A paused consumer takes messages again. */
  'consumer-resumed': { consumer: string };
  /** A consumer begins to move: its old leg finishes what was delivered. */
  'consumer-moving': { consumer: string; from: BrokerName; to: BrokerName };
  /** A consumer is fed by the new broker, `tookMs` after it began to move. */
  'consumer-moved': { consumer: string; from: BrokerName; to: BrokerName; tookMs: number };
  /** A consumer cannot move and stays where it is. */
  'consumer-move-refused': { consumer: string; from: BrokerName; to: BrokerName; error: BuscouplerError };
  /** The client of this consumer died or went silent; it is built anew by itself. */
  'consumer-failed': { consumer: string; broker: BrokerName; error: BuscouplerError };
  /** One partition cannot be decoded and is paused; the others flow. */
  'partition-paused': {
    consumer: string;
    topic: string;
    partition: number;
    offset: string;
    error: BuscouplerError;
  };
  /** The batch that could not be decoded was stepped over and the partition flows again; `isStored`: its bytes are a dead letter. */
  'partition-resumed': {
    consumer: string;
    topic: string;
    partition: number;
    firstOffset: string;
    lastOffset: string;
    isStored: boolean;
  };
  /** A handler threw, timed out or asked for a retry. */
  'attempt-failed': { consumer: string; id: string; attempt: number; willRetry: boolean; error: unknown };
  /** A failed message was put off: copy number `attempt` (the original is 1) comes back after `delayMs`. */
  'retry-stored': { consumer: string; id: string; broker: BrokerName; attempt: number; delayMs: number };
  /** The copy of a failed message could not be stored; the original stays and it is tried again. */
  'retry-store-failed': { consumer: string; id: string; broker: BrokerName; error: BuscouplerError };
  /** A message was given up on; its copy is stored in the dead-letter place. */
  'dead-lettered': { consumer: string; id: string; broker: BrokerName; reason: string; place: string };
  /** The dead letter could not be stored; the original stays and it is tried again. */
  'dead-letter-failed': { consumer: string; id: string; broker: BrokerName; error: BuscouplerError };
  /** A message was settled without effect, as the handler or the consumer's options say. */
  dropped: { consumer: string; id: string; reason: string };
  /** Policy `primary` or `any`: a copy for the other broker failed for now and is tried again. */
  'copy-pending': { topic: string; broker: BrokerName; pending: number; error: BuscouplerError };
  /** A copy for the other broker was stored late. */
  'copy-stored': { topic: string; broker: BrokerName; pending: number };
  /** A copy for the other broker was given up; that broker does not have the message. */
  'copy-lost': { topic: string; broker: BrokerName; id: string; error: BuscouplerError };
  /** A broker refuses a message of the outbox for good. The message is kept, out of the way of the others. */
  'outbox-parked': { topic: string; id: string; broker: BrokerName; error: BuscouplerError };
  /** What waits in the outbox has become older than 30 s. */
  'outbox-lagging': { pending: number; oldestAgeMs: number };
  /** Nothing in the outbox is older than 30 s any more. */
  'outbox-caught-up': { pending: number };
  /** The store of the outbox does not answer; the relay tries again by itself. */
  'outbox-lost': { error: BuscouplerError };
  /** The store of the outbox answers again. */
  'outbox-recovered': { afterMs: number };
  /** Something works but is not as it should be; `what` is one sentence. */
  warning: { what: string };
}

/** Name of an event. */
export type BusEventName = keyof BusEvents;

/** Tells about an event; listeners never run inside a hot path and their throws are caught. */
export type EmitEvent = <Name extends BusEventName>(name: Name, event: BusEvents[Name]) => void;
