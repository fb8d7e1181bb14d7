import type { logCreator } from 'kafkajs';
import type { Logger } from '../../contract/logger.js';

/** What of a log entry is passed on: never payloads, requests or stacks. */
const FIELDS = ['broker', 'groupId', 'topic', 'partition', 'error'] as const;

/**
 * kafkajs' log, at `debug`: what it calls an ERROR is mostly retried, and whatever is not reaches us as a rejection or
 * a crash and is reported once, typed, by us.
 */
export function createClientLog(logger: Logger): logCreator {
  return () =>
    ({ namespace, label, log }) => {
      if (!logger.isLevelEnabled('debug')) return;
      const fields: Record<string, unknown> = { client: 'kafkajs', namespace, label };
      for (const name of FIELDS) {
        const value = log[name];
        if (typeof value === 'string' || typeof value === 'number') fields[name] = value;
      }
      logger.debug(fields, log.message);
    };
}
