/**
 * Sessions of the transactional stores in use, by store. `buscoupler/mongo` adds its own, so that `session` has the type
 * of the database client; without a store there is none.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface TransactionSessions {}

/** A session with an open transaction. */
export type TransactionSession = TransactionSessions[keyof TransactionSessions];
