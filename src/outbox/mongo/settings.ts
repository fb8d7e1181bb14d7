/** Nothing that is acknowledged can be rolled back, whatever the connection's URL says. */
export const MAJORITY = { writeConcern: { w: 'majority' } } as const;

/** What is read can never be rolled back: a message of a transaction that a failover undid must not be sent. */
export const READ = { readPreference: 'primary', readConcern: { level: 'majority' } } as const;
