import { formatDurationMs } from '../contract/duration.js';
import { type BuscouplerError, ERRORS } from '../contract/errors.js';
import type { Finding, SetupReport, Severity } from '../contract/setup-check.js';
import { CHECKS, type CheckId } from './checks.js';

/** What was seen, beside what the table of checks knows. */
export interface Seen {
  readonly where: string;
  readonly found: string;
  readonly expected: string;
}

const PAGE = 'docs/reference/checks.md';

/** One finding. */
export function finding(id: CheckId, seen: Seen): Finding {
  const { severity, cure } = CHECKS[id];
  return { id, severity, ...seen, cure, page: `${PAGE}#${id}` };
}

const ORDER: readonly Severity[] = ['error', 'warning', 'not-checked', 'info'];

/** The findings as a report, the worst first; those of one severity stay in the order in which they were found. */
export function reportOf(findings: readonly Finding[]): SetupReport {
  const bySeverity = (severity: Severity): Finding[] => findings.filter((one) => one.severity === severity);
  const counts = Object.fromEntries(ORDER.map((one) => [one, bySeverity(one).length]));
  return { findings: ORDER.flatMap(bySeverity), counts: counts as SetupReport['counts'] };
}

/** What an error says without its cure: a finding has one of its own. */
export function whatOf({ code, message }: BuscouplerError): string {
  const { cure } = ERRORS[code];
  return message.endsWith(cure) ? message.slice(0, -cure.length).trimEnd() : message;
}

/** A duration for people; `-1` means unlimited, as brokers have it. */
export const showMs = (valueMs: number): string => (valueMs < 0 ? 'unlimited' : formatDurationMs(valueMs));
