import type { BrokerPort, PublishOutcome } from '../contract/broker.js';
import type { Clock } from '../contract/clock.js';
import type { AnyConsumer } from '../contract/consumer.js';
import type { Inbox } from '../contract/inbox.js';
import type { LetterLedger } from '../contract/letter-ledger.js';
import type { BrokerName, OutgoingMessage } from '../contract/message.js';

/** A consumer and the brokers that may hold letters of it. */
export interface DeskConsumer {
  readonly definition: AnyConsumer;
  readonly brokers: readonly BrokerName[];
  /** The broker that feeds it now. */
  readonly feed: () => BrokerName;
}

/** Where a replayed copy goes. */
export interface ReplayPlace {
  readonly consumer: AnyConsumer;
  readonly broker: BrokerName;
}

/** How far back and how often letters may be replayed. */
export interface ReplayLimits {
  readonly maxReplays: number;
  readonly maxReplayAgeMs: number;
}

/** What the desk is made of. */
export interface DeskParts {
  readonly consumers: readonly DeskConsumer[];
  /** The brokers that are on, in the order in which they are read. */
  readonly brokers: readonly BrokerName[];
  /** Connects a broker when it is first asked for. */
  readonly open: (broker: BrokerName) => Promise<BrokerPort>;
  /** Stores one copy; never rejects. */
  readonly publish: (place: ReplayPlace, message: OutgoingMessage) => Promise<PublishOutcome>;
  readonly inbox: Inbox | null;
  readonly clock: Clock;
  /** Resolves after so many ms, or at once when the signal aborts. */
  readonly wait: (delayMs: number, signal?: AbortSignal) => Promise<void>;
  readonly limits: ReplayLimits;
  /** Texts that are masked when a letter is shown. */
  readonly secrets: readonly string[];
  readonly newToken: () => string;
  readonly close: () => Promise<void>;
}

/** The ledger of a broker's letters, if it outlives this desk; a process' memory suffices for a broker that lives in it. */
export function ledgerOf(inbox: Inbox | null, port: BrokerPort): LetterLedger | null {
  if (inbox?.letters === undefined) return null;
  return inbox.isShared || port.product === 'log' ? inbox.letters : null;
}
