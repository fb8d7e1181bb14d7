import type { HandlerContext } from '../../index.js';
import type { FeatureUsage } from './feature-usage-log.schema.js';

/** One stored use of a feature. */
export interface FeatureUsageLog extends FeatureUsage {
  readonly messageId: string;
}

/** Where uses of features are kept. */
export interface FeatureUsageLogStore {
  prepare(): Promise<void>;
  insert(log: FeatureUsageLog, session?: HandlerContext['session']): Promise<void>;
  /** Those of one user, the newest first. */
  findByUser(user: string, limit: number): Promise<readonly FeatureUsageLog[]>;
}

/** Ends with the process. */
export function memoryFeatureUsageLogStore(): FeatureUsageLogStore {
  const logs = new Map<string, FeatureUsageLog>();
  return {
    prepare: async () => undefined,
    insert: async (log) => {
      if (!logs.has(log.messageId)) logs.set(log.messageId, log);
    },
    findByUser: async (user, limit) =>
      [...logs.values()]
        .filter((log) => log.user === user)
        .reverse()
        .slice(0, limit),
  };
}
