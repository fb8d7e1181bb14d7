import type { SkippedBatch } from './broker.js';
import type { BrokerName } from './message.js';

/** Which dead letters are meant; what is absent is not asked for. All that is given must hold. */
export interface LetterFilter {
  /** Broker that holds the letter, not the one that feeds its consumer. */
  readonly broker?: BrokerName;
  readonly consumer?: string;
  /** `attempts`, `invalid`, `expired`, `rejected` or `poison`. */
  readonly reason?: string;
  /** Name of the error, as `TypeError`. */
  readonly errorType?: string;
  /** Message id, or the reference of one letter. */
  readonly id?: string;
  /** Key of a group, as `groups` tells it. */
  readonly group?: string;
  /** Died before this time: a Date, ISO 8601 text, or so long ago as ms or `'2h'`. */
  readonly olderThan?: Date | string | number;
  /** Died at this time or after it. */
  readonly newerThan?: Date | string | number;
}

/** One dead letter in a line. */
export interface LetterSummary {
  /** Names this letter: its position in a log; in a queue, which has none, the queue and a digest of the letter. */
  readonly ref: string;
  /** Message id; `null`: a foreign message that had none. */
  readonly id: string | null;
  /** Who gave up; `null`: not said, and the place is not one consumer's alone. */
  readonly consumer: string | null;
  /** Broker and place that hold it. */
  readonly broker: BrokerName;
  readonly place: string;
  /** `null`: not said. */
  readonly reason: string | null;
  /** ISO 8601; `null`: not said. */
  readonly failedAt: string | null;
  readonly errorType: string | null;
  readonly errorMessage: string | null;
  /** First frame of the application in the error's stack. */
  readonly frame: string | null;
  /** Number of the last run; `null`: nobody counted. */
  readonly attempts: number | null;
  /** How often it was replayed before. */
  readonly replayCount: number;
  /** Key of its group. */
  readonly group: string;
  /** The broker gave up by itself: no consumer decided it. */
  readonly isNative: boolean;
  /** Bytes of the body. */
  readonly bytes: number;
  /** Why it cannot be shown whole, if so. */
  readonly problem?: string;
}

/** One letter whole, as `show` and `export` give it and `replay` takes it back; a line of NDJSON. */
export interface ExportedLetter extends LetterSummary {
  readonly key: string | null;
  readonly contentType: string | null;
  /** Values that are no text are tables of one name: `{"$bytes": "<base64>"}`, `$bigint`, `$number`. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** `null`: a tombstone. */
  readonly body: { readonly utf8: string } | { readonly base64: string } | null;
}

/** How `list` is asked. */
export interface ListLetters extends LetterFilter {
  /** Letters per page, 1–1,000. Default 50. */
  readonly limit?: number;
  /** Where the page before ended. */
  readonly cursor?: string;
  readonly signal?: AbortSignal;
}

/** One page of letters, the oldest of each place first. */
export interface LetterPage {
  readonly letters: readonly LetterSummary[];
  /** Asks for the next page; `null`: this was the last one. */
  readonly cursor: string | null;
}

/** Letters of one consumer with one error from one line of the application. */
export interface LetterGroup {
  readonly group: string;
  readonly consumer: string | null;
  readonly errorType: string | null;
  readonly frame: string | null;
  readonly letters: number;
  readonly brokers: Readonly<Partial<Record<BrokerName, number>>>;
  /** ISO 8601; `null`: not said. */
  readonly firstFailedAt: string | null;
  readonly lastFailedAt: string | null;
  /** Error message and reference of the first letter. */
  readonly errorMessage: string | null;
  readonly example: string;
}

/** Groups, the largest first. */
export interface GroupReport {
  readonly letters: number;
  readonly groups: readonly LetterGroup[];
  /** Letters of groups beyond the 10,000 that are told apart. */
  readonly others: number;
}

/** Why a letter is not replayed or purged. */
export type LetterRefusal =
  | 'undecodable'
  | 'consumer-unknown'
  | 'replayed-too-often'
  | 'too-old'
  | 'in-other-hands'
  | 'not-removable'
  | 'altered-identity'
  | 'not-there'
  | 'too-large';

/** Letters that are refused for one reason. */
export interface RefusedLetters {
  readonly why: LetterRefusal;
  /** One sentence for people. */
  readonly text: string;
  readonly letters: number;
  /** Reference of the first one. */
  readonly example: string;
}

/** Where letters of one consumer go. */
export interface ReplayTarget {
  readonly consumer: string;
  /** The broker that feeds the consumer now. */
  readonly broker: BrokerName;
  readonly place: string;
  readonly letters: number;
}

/** How `replay` is asked. */
export interface ReplayLetters extends LetterFilter {
  /** False only tells what would be done. Default `false`. */
  readonly execute?: boolean;
  /** Letters per second. Default 10, at most 10,000. */
  readonly ratePerSecond?: number;
  /** Most letters that are replayed. Default: all that match. */
  readonly max?: number;
  /** False: not one letter first, whose end is waited for. Default `true`. */
  readonly canary?: boolean;
  /** Written into `bc-replayed-by`. Default `buscoupler`. */
  readonly by?: string;
  /** True: letters whose headers no client can decode are replayed with their body alone. Default `false`. */
  readonly withoutHeaders?: boolean;
  /** Lines of NDJSON as `export` writes them: only these letters, with body, headers and key as the lines have them. */
  readonly from?: Iterable<string> | AsyncIterable<string>;
  /** Ends in order after the letter that is on its way. */
  readonly signal?: AbortSignal;
}

/** Why a run ended. `stopped`: by itself, for the reason that the report names. */
export type RunEnd = 'preview' | 'done' | 'stopped' | 'interrupted';

/** What `replay` did or would do. */
export interface ReplayReport {
  readonly end: RunEnd;
  /** Why it stopped, if it did. */
  readonly reason?: string;
  readonly matches: number;
  readonly targets: readonly ReplayTarget[];
  readonly refused: readonly RefusedLetters[];
  readonly ratePerSecond: number;
  /** Stored for their consumers. */
  readonly replayed: number;
  /** Of those, what the inbox says by now. Not counted where nobody can say. */
  readonly handled: number;
  readonly diedAgain: number;
  /** Sentences about what holds and what does not: whether an effect can repeat, whether errors are watched. */
  readonly notes: readonly string[];
}

/** How `purge` is asked. */
export interface PurgeLetters extends LetterFilter {
  readonly consumer: string;
  readonly execute?: boolean;
  /** Must repeat the name of the consumer to act. */
  readonly confirm?: string;
  readonly signal?: AbortSignal;
}

/** What `purge` did or would do. */
export interface PurgeReport {
  readonly end: RunEnd;
  readonly reason?: string;
  readonly matches: number;
  readonly purged: number;
  readonly refused: readonly RefusedLetters[];
}

/** How `skip` is asked. */
export interface SkipBatch {
  readonly consumer: string;
  /** `topic/partition/offset`, as the consumer's trouble names it. */
  readonly position: string;
  /** False only tells what would be done. Default `false`. */
  readonly execute?: boolean;
}

/** What `skip` did or would do. */
export interface SkipReport {
  readonly end: Extract<RunEnd, 'preview' | 'done'>;
  /** What was stepped over, or would be; `null`: nothing is stuck there. In a preview nothing is stored. */
  readonly batch: SkippedBatch | null;
}

/**
 * Looks through the dead letters of all consumers on both brokers, whichever feeds them, and sends them back. Brokers are
 * connected when they are first needed. Every promise rejects with a `BuscouplerError` only.
 */
export interface DeadLetterDesk {
  list(options?: ListLetters): Promise<LetterPage>;
  groups(filter?: LetterFilter & { readonly signal?: AbortSignal }): Promise<GroupReport>;
  /** Every letter of a message id, or the one of a reference; secrets of the configuration masked. */
  show(id: string, options?: { readonly signal?: AbortSignal }): Promise<readonly ExportedLetter[]>;
  /** Unmasked, so that it can be replayed. */
  export(filter?: LetterFilter & { readonly signal?: AbortSignal }): AsyncIterable<ExportedLetter>;
  /**
   * Sends letters to the consumer that failed on them, on the broker that feeds it now, with fresh attempts. A letter leaves
   * its place only once the copy is stored. Rejects with BC_MESSAGE_INVALID for a line of `from` that is none.
   */
  replay(options?: ReplayLetters): Promise<ReplayReport>;
  /** Takes letters away for good. Without `execute` and the right `confirm` nothing is changed. */
  purge(options: PurgeLetters): Promise<PurgeReport>;
  /**
   * Steps over one batch on Kafka that no client can decode, and keeps its bytes as a dead letter. The consumer's group must
   * have no members, and everything before the batch must be handled: rejects with BC_SKIP_REFUSED.
   */
  skip(options: SkipBatch): Promise<SkipReport>;
  /** Disconnects. The inbox stays open: it is the caller's. */
  close(): Promise<void>;
}
