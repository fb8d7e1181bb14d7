/** Why a message was given up on. */
export type DeadLetterReason = 'attempts' | 'invalid' | 'expired' | 'rejected' | 'poison';

/** What a dead letter says about its end. */
export interface Failure {
  readonly reason: DeadLetterReason;
  readonly consumer: string;
  /** Of the last attempt. */
  readonly error: unknown;
  /** How often it was run. */
  readonly attempt: number;
  /** Ms since the epoch. */
  readonly failedAtMs: number;
}
