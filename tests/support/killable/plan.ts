import type { BrokerName } from '../../../src/index.js';
import type { HistoryEvent } from '../../../src/testing/index.js';

/** The steps at which a process can be stopped for good. What comes before the step is done, the step itself never is. */
export type KillPoint =
  /** The handler wrote its effect; nothing is recorded or committed. */
  | 'effect written'
  /** Everything is decided, stored and recorded; the delivery is not let go of. */
  | 'before settling'
  /** The broker confirmed the copy for later, or that of a replay; whoever sent it does not know. */
  | 'copy stored'
  /** The inbox knows that the message dies; no letter was sent. */
  | 'burial decided'
  /** The broker confirmed the dead letter; the inbox does not know. */
  | 'letter stored'
  /** The brokers have what the outbox holds; the outbox does not know. */
  | 'outbox sent';

/** `none`: no inbox. `record`: the effect is recorded after the handler. `transaction`: they are committed together. */
export type Guarantee = 'none' | 'record' | 'transaction';

/** Where a process stops, and at which message. */
export interface Stop {
  readonly point: KillPoint;
  readonly id: string;
}

/** What a process that can be killed is started with, as JSON in its first argument. */
export interface KillPlan {
  /** Prefixes every name that is created. */
  readonly name: string;
  readonly broker: BrokerName;
  readonly guarantee: Guarantee;
  /** Absent: it runs until it is told to end. */
  readonly stop?: Stop;
  readonly servers: { readonly kafka: string; readonly rabbitmq: string; readonly mongodb: string };
}

/** What it prints, one JSON per line. */
export type KillableLine =
  | { readonly event: HistoryEvent }
  | { readonly told: 'started' | 'reached' | 'replayed' };

/** Ids begin with their fate: handled at once, handled by the second copy, or given up until they are replayed. */
export type Fate = 'good' | 'late' | 'bad';

/** The fate that an id begins with. */
export const fateOf = (id: string): Fate => id.split('-', 1)[0] as Fate;

/** What one effect leaves in the database. */
export interface EffectRow {
  readonly messageId: string;
  /** 0, or how often the message was replayed. */
  readonly generation: number;
}
