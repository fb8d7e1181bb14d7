import { BUS_CHECKS } from './bus-checks.js';
import type { CheckFacts } from './check-facts.js';
import { KAFKA_CHECKS } from './kafka-checks.js';
import { RABBITMQ_CHECKS } from './rabbitmq-checks.js';

/** Everything that a check of the set-up can find. `docs/reference/checks.md` is generated from it. */
export const CHECKS = {
  ...BUS_CHECKS,
  ...KAFKA_CHECKS,
  ...RABBITMQ_CHECKS,
} as const satisfies Record<string, CheckFacts>;

/** The id of a finding; programs branch on it. */
export type CheckId = keyof typeof CHECKS;
