import type { defineConsumer } from '../index.js';

type ConsumerOptions = Parameters<typeof defineConsumer>[0];

/** What a deployment decides about every consumer of a module. */
export interface ConsumingOptions {
  /** The store and the inbox share transactions. Default `false`. */
  readonly hasTransactions?: boolean;
  /** Default: deferred by 5 s, 30 s and 5 min. */
  readonly retry?: NonNullable<ConsumerOptions['retry']>;
  /** Default `drop`, as the guide has it; `dead-letter` keeps them. */
  readonly invalid?: 'drop' | 'dead-letter';
}

/** What that means for a consumer's definition. */
export const consuming = ({ hasTransactions = false, retry, invalid = 'drop' }: ConsumingOptions) => ({
  invalid,
  retry: retry ?? { deferred: ['5s', '30s', '5m'] },
  ...(hasTransactions ? { inbox: { transaction: true } } : {}),
});
