import type { Severity } from '../../src/contract/setup-check.js';
import type { CheckFacts } from '../../src/preflight/check-facts.js';
import { CHECKS } from '../../src/preflight/checks.js';
import { GENERATED, table } from './table.js';

const SEVERITIES: readonly (readonly [Severity, string])[] = [
  ['error', 'messages are lost or stand still, or the bus does not start'],
  ['warning', 'it works until something else goes wrong'],
  ['not-checked', 'it could not be looked at'],
  ['info', 'worth knowing'],
];

const section = ([id, { severity, meaning, cure }]: readonly [string, CheckFacts]): string =>
  `## ${id}\n\n${severity}: ${meaning}\n\nCure: ${cure}\n`;

/** `docs/reference/checks.md`, from the table of checks. */
export const renderChecks = (): string => `# Checks

${GENERATED}

\`buscoupler check --config <file>\`, and \`checkSetup(options)\` in a program, look at everything that a bus needs on its brokers, and
change nothing. Each finding has a stable id, which is explained here, and says where it is, what was found and what is expected.
A broker that is down is a finding; the others are checked all the same.

${table(['Severity', 'Meaning'], SEVERITIES)}

${Object.entries<CheckFacts>(CHECKS).map(section).join('\n')}`;
