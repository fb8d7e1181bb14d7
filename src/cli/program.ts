import { Command, InvalidArgumentError, Option } from 'commander';
import type { DeskCommand, SetupCommand } from './command.js';
import { check } from './commands/check.js';
import { showConfig } from './commands/config.js';
import { exportLetters } from './commands/export.js';
import { groups } from './commands/groups.js';
import { list } from './commands/list.js';
import { purge } from './commands/purge.js';
import { replay } from './commands/replay.js';
import { show } from './commands/show.js';
import { skip } from './commands/skip.js';
import { status } from './commands/status.js';

/** Options that every command has. */
export interface CommonOptions {
  /** Absent only where a command works without. */
  readonly config?: string;
  readonly json?: boolean;
}

type Run<Command> = (command: Command, common: CommonOptions, options: never) => Promise<void>;

/** How commands are run, by what they need. */
export interface Runners {
  /** Opens the desk, runs the command and closes it. */
  readonly desk: Run<DeskCommand<never>>;
  /** Reads the configuration file and opens nothing. */
  readonly setup: Run<SetupCommand<never>>;
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a number over 0.');
}

const FILTERS: readonly Option[] = [
  new Option('--broker <broker>', 'letters that this broker holds').choices(['kafka', 'rabbitmq']),
  new Option('--consumer <name>', 'letters of this consumer'),
  new Option('--reason <reason>', 'letters given up for this reason').choices([
    'attempts',
    'invalid',
    'expired',
    'rejected',
    'poison',
  ]),
  new Option('--error-type <name>', 'letters of this error'),
  new Option('--id <id>', 'letters of this message, or one letter by its reference'),
  new Option('--group <key>', 'letters of a group that `groups` shows'),
  new Option('--older-than <time>', 'died before: a duration (2h) or a date (ISO 8601)'),
  new Option('--newer-than <time>', 'died since: a duration (2h) or a date (ISO 8601)'),
];

const EXECUTE = new Option('--execute', 'act; without it nothing is changed');

interface Verb<Command = DeskCommand<never>> {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly Option[];
  /** What becomes of the command without `--config`. Absent: it is refused. */
  readonly withoutConfig?: string;
  readonly run: Command;
}

const VERBS: readonly Verb[] = [
  {
    name: 'list',
    summary: 'letters, a page at a time',
    options: [
      ...FILTERS,
      new Option('--limit <n>', 'letters per page, at most 1,000 (default: 50)').argParser(positive),
      new Option('--cursor <cursor>', 'the page after the one that ended with it'),
    ],
    run: list as DeskCommand<never>,
  },
  {
    name: 'groups',
    summary: 'letters counted by consumer, error and line of code',
    options: FILTERS,
    run: groups as DeskCommand<never>,
  },
  {
    name: 'show <id>',
    summary: 'one letter whole, by message id or reference',
    options: [],
    run: show as DeskCommand<never>,
  },
  {
    name: 'replay',
    summary: 'send letters to the consumers that failed on them; a preview unless --execute',
    options: [
      ...FILTERS,
      EXECUTE,
      new Option('--rate <n>', 'letters per second (default: 10)').argParser(positive),
      new Option('--max <n>', 'most letters that are replayed').argParser(positive),
      new Option('--no-canary', 'do not wait for the end of the first letter'),
      new Option('--by <name>', 'who replays; written into bc-replayed-by'),
      new Option(
        '--from <file>',
        'only the letters of this export, with bodies and headers as mended there; -: standard input',
      ),
      new Option('--without-headers', 'replay letters whose headers cannot be decoded with their body alone'),
    ],
    run: replay as DeskCommand<never>,
  },
  {
    name: 'export',
    summary: 'letters as NDJSON on the standard output',
    options: FILTERS,
    run: exportLetters as DeskCommand<never>,
  },
  {
    name: 'purge',
    summary: 'take letters of one consumer away for good; a preview unless --execute',
    options: [
      ...FILTERS.filter(({ long }) => long !== '--consumer'),
      new Option('--consumer <name>', 'whose letters').makeOptionMandatory(),
      EXECUTE,
      new Option('--confirm <consumer>', 'the name of the consumer once more, to act'),
    ],
    run: purge as DeskCommand<never>,
  },
];

const SKIP: Verb = {
  name: 'skip <consumer> <position>',
  summary:
    'step over a batch on Kafka that cannot be decoded (topic/partition/offset); a preview unless --execute',
  options: [EXECUTE],
  run: skip as DeskCommand<never>,
};

const CHECK: Verb<SetupCommand<never>> = {
  name: 'check',
  summary: 'look at everything that the bus needs on its brokers, and say what is wrong; nothing is changed',
  options: [
    new Option('--timeout <ms>', 'longest time for each broker, ms (default: 15,000)').argParser(positive),
  ],
  run: check as SetupCommand<never>,
};

const STATUS: Verb<SetupCommand<never>> = {
  name: 'status',
  summary: 'where every consumer stands on each broker: what waits, is retried, is dead; nothing is changed',
  options: [
    new Option('--consumer <name>', 'only this consumer'),
    new Option('--timeout <ms>', 'longest time for each broker, ms (default: 10,000)').argParser(positive),
    new Option('--watch', 'look again and again, until Ctrl-C; with --json a line each time'),
    new Option('--interval <ms>', 'pause between two looks, ms (default: 2,000)').argParser(positive),
  ],
  run: status as SetupCommand<never>,
};

const CONFIG: Verb<SetupCommand<never>> = {
  name: 'config',
  summary: 'every setting as it was resolved, secrets masked',
  options: [new Option('--origin', 'where each value came from, too')],
  withoutConfig: 'environment and buscoupler.config.* of this folder',
  run: showConfig as SetupCommand<never>,
};

/** The command line as commander knows it. Nothing is run before it is parsed. */
export function createProgram(
  runners: Runners,
  configure: (program: Command) => void = () => undefined,
): Command {
  const program = new Command('buscoupler').description(
    'Operates services that Buscoupler connects to their brokers.',
  );
  configure(program);
  const letters = program
    .command('dead-letters')
    .description('Looks through dead letters on both brokers, and sends them back.');
  for (const verb of VERBS) addVerb(letters, verb, runners.desk);
  addVerb(program, SKIP, runners.desk);
  for (const verb of [CHECK, STATUS, CONFIG]) addVerb(program, verb, runners.setup);
  return program;
}

function configOption(without: string | undefined): Option {
  const what = 'module whose default export is what createBus takes, or a function that makes it';
  return without === undefined
    ? new Option('--config <file>', what).makeOptionMandatory()
    : new Option('--config <file>', `${what} (default: ${without})`);
}

function addVerb<Needs>(
  parent: Command,
  { name, summary, options, withoutConfig, run }: Verb<Needs>,
  runCommand: Run<Needs>,
): void {
  const command = parent
    .command(name)
    .description(summary)
    .addOption(configOption(withoutConfig))
    .option('--json', 'JSON instead of text');
  for (const option of options) command.addOption(option);
  command.action(async (...args: unknown[]) => {
    const { config, json, ...given } = command.opts<CommonOptions & object>();
    const named = Object.fromEntries(command.registeredArguments.map((one, at) => [one.name(), args[at]]));
    const common = { json: json ?? false, ...(config !== undefined && { config }) };
    await runCommand(run, common, { ...given, ...named } as never);
  });
}
