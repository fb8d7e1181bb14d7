import type { Command } from 'commander';
import { createProgram } from '../../src/cli/program.js';
import { GENERATED, table } from './table.js';

const CODES: readonly (readonly string[])[] = [
  ['0', 'done, or nothing to do'],
  ['1', 'an error; the standard error says which. `check`: it found errors. `status`: a broker did not tell'],
  [
    '2',
    'a preview of something that would change, or something is left that was refused. `check`: it found warnings and no errors',
  ],
  ['3', 'refused by a guard; nothing changed'],
  ['5', 'it stopped by itself and needs an operator'],
  ['64', 'the command line cannot be understood'],
  ['130', 'interrupted; what was on its way was finished'],
];

function section(command: Command, parents: string): string {
  const given = command.registeredArguments.map((one) =>
    one.required ? `<${one.name()}>` : `[${one.name()}]`,
  );
  const rows = command.options.map(({ flags, description, mandatory, argChoices }) => [
    `\`${flags}\`${mandatory ? ' (required)' : ''}`,
    `${description}${argChoices === undefined ? '' : `; one of ${argChoices.map((one) => `\`${one}\``).join(', ')}`}`,
  ]);
  const title = [parents, command.name(), ...given].join(' ');
  return `## ${title}\n\n${sentence(command.description())}\n\n${table(['Option', 'Meaning'], rows)}\n`;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** `docs/reference/cli.md`, from the command line itself. */
export function renderCli(): string {
  const program = createProgram({ desk: async () => undefined, setup: async () => undefined });
  const sections = program.commands.flatMap((one) =>
    one.commands.length === 0
      ? [section(one, program.name())]
      : one.commands.map((command) => section(command, `${program.name()} ${one.name()}`)),
  );
  return `# Command line

${GENERATED}

\`npx buscoupler <command>\`. \`--config\` names a module whose default export is what \`createBus\` takes, or a function that makes it.
Commands that change something only show what they would do until they are given \`--execute\`. Ctrl-C ends in order, a second one at once.
How the commands are used: [Dead letters](../guide/dead-letters.md). What \`check\` finds: [Checks](checks.md).

${sections.join('\n')}
## Exit codes

${table(['Code', 'Meaning'], CODES)}
`;
}
