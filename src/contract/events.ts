import type { BuscouplerError } from './errors.js';
import type { BrokerName } from './message.js';

/** Everything that the bus tells about, by name. One event is one log line; nothing is emitted per handled message. */
export interface BusEvents {
  /** First try to reach a broker. `address` holds no secret. */
  'broker-connecting': { broker: BrokerName; address: string };
  'broker-connected': { broker: BrokerName; role: 'publisher' | 'consumer' | 'admin' };
  /** A connection was lost or could not be made; it is tried again by itself. */
  'broker-lost': { broker: BrokerName; error: BuscouplerError };
  'broker-recovered': { broker: BrokerName; afterMs: number };
  /** The broker stopped taking publishes (memory or disk alarm), or takes them again. */
  'broker-blocked': { broker: BrokerName; reason: string };
  'broker-unblocked': { broker: BrokerName };
  /** The bus started although this broker is away; it joins by itself. */
  'broker-degraded': { broker: BrokerName; error: BuscouplerError };
  'place-created': { broker: BrokerName; kind: 'topic' | 'exchange' | 'queue' | 'dead-letter'; name: string };
  /** A consumer is fed by this broker from now on. */
  'consumer-started': { consumer: string; topic: string; group: string; broker: BrokerName };
  'consumer-stopped': { consumer: string; broker: BrokerName; unsettled: number };
  'consumer-paused': { consumer: string; reason: string };
  'consumer-resumed': { consumer: string };
  'consumer-moving': { consumer: string; from: BrokerName; to: BrokerName };
  'consumer-moved': { consumer: string; from: BrokerName; to: BrokerName; tookMs: number };
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
  'attempt-failed': { consumer: string; id: string; attempt: number; willRetry: boolean; error: unknown };
  'dead-lettered': { consumer: string; id: string; broker: BrokerName; reason: string; place: string };
  /** The dead letter could not be stored; the original stays and it is tried again. */
  'dead-letter-failed': { consumer: string; id: string; broker: BrokerName; error: BuscouplerError };
  dropped: { consumer: string; id: string; reason: string };
  /** Policy `primary` or `any`: a copy for the other broker failed for now, was stored late, or was given up. */
  'copy-pending': { topic: string; broker: BrokerName; pending: number; error: BuscouplerError };
  'copy-stored': { topic: string; broker: BrokerName; pending: number };
  'copy-lost': { topic: string; broker: BrokerName; id: string; error: BuscouplerError };
  /** Something works but is not as it should be; `what` is one sentence. */
  warning: { what: string };
}

/** Name of an event. */
export type BusEventName = keyof BusEvents;

/** Tells about an event; listeners never run inside a hot path and their throws are caught. */
export type EmitEvent = <Name extends BusEventName>(name: Name, event: BusEvents[Name]) => void;
