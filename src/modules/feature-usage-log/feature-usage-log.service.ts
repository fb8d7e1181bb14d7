import type { HandlerContext } from '../../index.js';
import type { FeatureUsage } from './feature-usage-log.schema.js';
import type { FeatureUsageLog, FeatureUsageLogStore } from './feature-usage-log.store.js';

/** What surrounds one message. */
export interface UsageContext {
  readonly messageId: string;
  /** The time of a use whose producer says none. Default now: a foreign producer may not even date its messages. */
  readonly publishedAt?: Date | null;
  readonly session?: HandlerContext['session'];
}

/** What the server does with uses of its features; it knows no broker. */
export class FeatureUsageLogService {
  readonly #store: FeatureUsageLogStore;
  readonly #now: () => Date;

  constructor(store: FeatureUsageLogStore, now: () => Date = () => new Date()) {
    this.#store = store;
    this.#now = now;
  }

  /** Stores one use, once per message id: a second insert is refused by the index on it. */
  createFeatureUsageLogFromServer(
    validated: FeatureUsage,
    { messageId, publishedAt, session }: UsageContext,
  ): Promise<void> {
    const time = validated.time === undefined ? (publishedAt ?? this.#now()) : new Date(validated.time);
    return this.#store.insert({ ...validated, messageId, time }, session);
  }

  /** Those of one user, the last use first. */
  usageOf(user: string, limit: number): Promise<readonly FeatureUsageLog[]> {
    return this.#store.findByUser(user, limit);
  }
}
