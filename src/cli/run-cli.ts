import { CommanderError } from 'commander';
import { BuscouplerError, createLogger, openDesk } from '../index.js';
import type { CliIo } from './cli-io.js';
import type { DeskCommand, SetupCommand } from './command.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { type CommonOptions, createProgram } from './program.js';
import { json, paintFor, plain } from './text.js';

/** Codes of errors that an argument of the command line causes once the file is read. */
const USAGE_CODES: readonly string[] = ['BC_DEFINITION_INVALID', 'BC_CONSUMER_UNKNOWN'];

/** Runs one command line and resolves with its exit code; never rejects. */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const program = createProgram(
    {
      desk: async (command, common, options) => {
        code = await runDesk(command, { common, options, io });
      },
      setup: async (command, common, options) => {
        code = await runSetup(command, { common, options, io });
      },
    },
    (one) => {
      one.exitOverride();
      one.configureOutput({ writeOut: (text) => void io.out(text), writeErr: io.err });
    },
  );
  try {
    await program.parseAsync(args, { from: 'user' });
    return io.signal.aborted ? EXIT.interrupted : code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return tell(error, { io, isJson: args.includes('--json') });
  }
}

interface CommandRun<Options> {
  readonly common: CommonOptions;
  readonly options: Options;
  readonly io: CliIo;
}

async function runDesk<Options>(command: DeskCommand<Options>, run: CommandRun<Options>): Promise<ExitCode> {
  const { common, options, io } = run;
  const isJson = common.json ?? false;
  const given = await io.load(common.config);
  // Log lines would stand between those of the answer.
  const desk = await openDesk({ ...given, logger: createLogger({ level: 'silent' }) });
  try {
    return await command({ desk, io, isJson, paint: paintFor(io.hasColours) }, options);
  } catch (error) {
    return tellOfCommand(error, { io, isJson });
  } finally {
    await desk.close();
  }
}

async function runSetup<Options>(
  command: SetupCommand<Options>,
  run: CommandRun<Options>,
): Promise<ExitCode> {
  const { common, options, io } = run;
  const isJson = common.json ?? false;
  const given = await io.load(common.config);
  try {
    return await command({ given, io, isJson, paint: paintFor(io.hasColours) }, options);
  } catch (error) {
    return tellOfCommand(error, { io, isJson });
  }
}

interface Telling {
  readonly io: CliIo;
  readonly isJson: boolean;
}

/** Once the file is read, some errors are those of an argument. */
function tellOfCommand(error: unknown, telling: Telling): ExitCode {
  const told = tell(error, telling);
  const code = error instanceof BuscouplerError ? error.code : '';
  if (code === 'BC_SKIP_REFUSED') return EXIT.refused;
  return USAGE_CODES.includes(code) ? EXIT.usage : told;
}

function tell(error: unknown, { io, isJson }: Telling): ExitCode {
  if (io.signal.aborted) return EXIT.interrupted;
  const code = error instanceof BuscouplerError ? error.code : null;
  const message = error instanceof Error ? error.message : String(error);
  if (isJson) io.err(`${json({ error: { code, message } })}\n`);
  else io.err(`${message.split('\n').map(plain).join('\n')}${code === null ? '' : ` [${code}]`}\n`);
  return EXIT.error;
}
