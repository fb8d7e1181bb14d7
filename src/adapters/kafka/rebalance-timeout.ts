/** Longest that a group may take to rebalance, ms, unless a session lasts longer. */
const REBALANCE_TIMEOUT_MS = 60_000;

/** Longest that a group may take to rebalance, ms, with a given session timeout. */
export const rebalanceTimeoutOf = (sessionTimeoutMs: number): number =>
  Math.max(REBALANCE_TIMEOUT_MS, sessionTimeoutMs);
