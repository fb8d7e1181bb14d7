import type { HandlerContext } from '../../index.js';
import type { FeatureUsage } from './feature-usage-log.schema.js';
import type { FeatureUsageLog, FeatureUsageLogStore } from './feature-usage-log.store.js';

/** What surrounds one message. */
export interface UsageContext {
  readonly messageId: string;
  readonly session?: HandlerContext['session'];
}

/** What the server does with uses of its features; it knows no broker. */
export class FeatureUsageLogService {
  readonly #store: FeatureUsageLogStore;

  constructor(store: FeatureUsageLogStore) {
    this.#store = store;
  }

  /** Stores one use, once per message id: a second insert is refused by the index on it. */
  createFeatureUsageLogFromServer(
    validated: FeatureUsage,
    { messageId, session }: UsageContext,
  ): Promise<void> {
    return this.#store.insert({ ...validated, messageId }, session);
  }

  /** Those of one user, the newest first. */
  usageOf(user: string, limit: number): Promise<readonly FeatureUsageLog[]> {
    return this.#store.findByUser(user, limit);
  }
}
