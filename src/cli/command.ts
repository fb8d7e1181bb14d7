import type { CreateBusOptions, DeadLetterDesk } from '../index.js';
import type { CliIo } from './cli-io.js';
import type { ExitCode } from './exit-codes.js';
import type { Paint } from './text.js';

/** What every command is given. */
interface CommandContext {
  readonly io: CliIo;
  readonly paint: Paint;
  readonly isJson: boolean;
}

/** What a command of the desk is given. */
export interface DeskCommandContext extends CommandContext {
  readonly desk: DeadLetterDesk;
}

/** What a command of the set-up is given: nothing is opened for it. */
export interface SetupCommandContext extends CommandContext {
  /** What `createBus` takes. */
  readonly given: CreateBusOptions;
}

/** One command: a desk's method, and how its answer is shown. Resolves with the exit code. */
export type DeskCommand<Options> = (context: DeskCommandContext, options: Options) => Promise<ExitCode>;

/** One command over the set-up. Resolves with the exit code. */
export type SetupCommand<Options> = (context: SetupCommandContext, options: Options) => Promise<ExitCode>;

type Answer<Method extends 'list' | 'groups' | 'show' | 'replay' | 'purge' | 'skip'> = Awaited<
  ReturnType<DeadLetterDesk[Method]>
>;

export type LetterLine = Answer<'list'>['letters'][number];
export type WholeLetter = Answer<'show'>[number];
export type Refused = Answer<'replay'>['refused'][number];
export type ReplayAnswer = Answer<'replay'>;
export type PurgeAnswer = Answer<'purge'>;
export type SkipAnswer = Answer<'skip'>;

/** Which letters; as the command line gives them. */
export type FilterOptions = NonNullable<Parameters<DeadLetterDesk['groups']>[0]>;
