import type { HandlerContext } from '../../index.js';
import type { FeatureUsage } from './feature-usage-log.schema.js';

/** One stored use of a feature. */
export interface FeatureUsageLog extends Omit<FeatureUsage, 'time'> {
  readonly messageId: string;
  /** When the feature was used; as far as nobody says, when the message was published. */
  readonly time: Date;
}

/** Where uses of features are kept. */
export interface FeatureUsageLogStore {
  prepare(): Promise<void>;
  /** Rejects with a duplicate key (code 11000) on `{ messageId: 1 }` if there is a log of that message. */
  insert(log: FeatureUsageLog, session?: HandlerContext['session']): Promise<void>;
  /** Those of one user, the last use first. */
  findByUser(user: string, limit: number): Promise<readonly FeatureUsageLog[]>;
}

/** What MongoDB says of a second log of one message: the consumer's rule for it holds without MongoDB too. */
const duplicateOf = (messageId: string): Error =>
  Object.assign(new Error(`E11000 duplicate key: there is a log of message ${messageId}`), {
    code: 11_000,
    keyPattern: { messageId: 1 },
  });

/** Ends with the process. */
export function memoryFeatureUsageLogStore(): FeatureUsageLogStore {
  const logs = new Map<string, FeatureUsageLog>();
  return {
    prepare: async () => undefined,
    insert: async (log) => {
      if (logs.has(log.messageId)) throw duplicateOf(log.messageId);
      logs.set(log.messageId, log);
    },
    findByUser: async (user, limit) =>
      [...logs.values()]
        .filter((log) => log.user === user)
        .reverse() // of one time: the one that came last
        .sort((one, other) => other.time.getTime() - one.time.getTime())
        .slice(0, limit),
  };
}
