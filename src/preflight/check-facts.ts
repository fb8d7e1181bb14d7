import type { Severity } from '../contract/setup-check.js';

/** What a finding means, whoever has it. */
export interface CheckFacts {
  readonly severity: Severity;
  /** What is wrong with it, in one sentence. */
  readonly meaning: string;
  /** What to do, in one sentence. */
  readonly cure: string;
}
