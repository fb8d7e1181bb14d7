/** What findings depend on beside the brokers. */
export interface CheckContext {
  /** `null`: the bus has none. */
  readonly inbox: { readonly ttlMs: number; readonly isShared: boolean } | null;
  /** Oldest message that is handled, ms. */
  readonly maxMessageAgeMs: number;
  /** Oldest dead letter that is replayed, ms. */
  readonly maxReplayAgeMs: number;
  /** True: consumers can move between brokers. */
  readonly hasTwoBrokers: boolean;
}
