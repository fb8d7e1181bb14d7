/**
 * `error`: messages are lost, stand still, or the bus does not start. `warning`: it works until something else goes wrong.
 * `info`: worth knowing. `not-checked`: could not be looked at, and why.
 */
export type Severity = 'error' | 'warning' | 'info' | 'not-checked';

/** One thing that a check found. */
export interface Finding {
  /** Stable, as `kafka-min-isr-low`; programs branch on it. */
  readonly id: string;
  readonly severity: Severity;
  /** The broker and the place, or the setting. */
  readonly where: string;
  /** What is there. */
  readonly found: string;
  /** What should be there. */
  readonly expected: string;
  /** What to do, in one sentence. */
  readonly cure: string;
  /** The section of the documentation. */
  readonly page: string;
}

/** What a check of the set-up found. */
export interface SetupReport {
  /** Errors first, then warnings, what was not checked, and what is worth knowing. */
  readonly findings: readonly Finding[];
  /** How many there are of each severity. */
  readonly counts: Readonly<Record<Severity, number>>;
}
