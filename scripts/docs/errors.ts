import { ERRORS, type ErrorFacts } from '../../src/contract/errors.js';
import { GENERATED, table } from './table.js';

/** `docs/reference/errors.md`, from the table of codes. */
export function renderErrors(): string {
  const rows = Object.entries<ErrorFacts>(ERRORS).map(([code, { retriable, cure }]) => [
    `\`${code}\``,
    retriable ? 'yes' : 'no',
    cure,
  ]);
  return `# Errors

${GENERATED}

Everything that Buscoupler raises is a \`BuscouplerError\`. Branch on its \`code\`, never on its message: codes are stable.

- \`code\`: one of the table below.
- \`retriable\`: true if the same call can succeed later without a change. The table has the default; an error says it of itself.
- \`cause\`: what was thrown underneath, if anything was.
- \`message\`: what happened, then what to do. It holds no secret.

\`ConfigError\` (\`BC_CONFIG_INVALID\`) lists every bad setting in \`problems\`: \`setting\`, \`was\` (secrets masked), \`allowed\`.

${table(['Code', 'Retriable', 'What to do'], rows)}
`;
}
