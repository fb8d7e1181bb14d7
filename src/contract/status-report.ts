import type { BrokerName } from './message.js';
import type { Survey } from './survey.js';

/**
 * `live`: the flag of the consumer names this broker. `draining`: it does not, and what is left there is read; of a log that
 * is what is to be tried again. `idle`: nothing is left, or nobody reads it. `absent`: its topic or queue is not there. `unreachable`: the broker did not tell, and why.
 */
export type LegReportState = 'live' | 'draining' | 'idle' | 'absent' | 'unreachable';

/** One consumer on one broker. `null`: not known. */
export interface LegReport {
  readonly broker: BrokerName;
  readonly state: LegReportState;
  readonly waiting: number | null;
  readonly unsettled: number | null;
  readonly oldestAgeMs: number | null;
  readonly retries: number | null;
  readonly deadLetters: number | null;
  readonly readers: number | null;
  /** Why something is not known, secrets removed. */
  readonly reason?: string;
}

/** One consumer on every broker of its topic. */
export interface ConsumerReport {
  readonly consumer: string;
  /** The broker that its flag names. */
  readonly broker: BrokerName;
  readonly legs: readonly LegReport[];
}

/** Where every consumer stands, as seen from outside. */
export interface StatusReport {
  /** ISO 8601. */
  readonly at: string;
  /** True: the brokers live in the process that made them, so that those of another one are not seen. */
  readonly isEmbedded: boolean;
  readonly consumers: readonly ConsumerReport[];
}

/** What was seen of one leg: its numbers, or why there are none. */
export type SeenLeg = { readonly survey: Survey } | { readonly reason: string };
