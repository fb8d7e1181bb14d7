import type { CreateBusOptions } from '../index.js';

/** What surrounds a run of the command line; a process, or a test. */
export interface CliIo {
  /** Writes to the standard output. Resolves when more may be written. */
  readonly out: (text: string) => Promise<void>;
  /** Writes to the standard error. */
  readonly err: (text: string) => void;
  /** The output is a terminal that shows colours. */
  readonly hasColours: boolean;
  /** Aborted by Ctrl-C, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
  /** Reads the configuration file: what `createBus` takes. Without a file what `loadConfig` finds. */
  readonly load: (file?: string) => Promise<CreateBusOptions>;
  /** Lines of a file; `-`: the standard input. */
  readonly lines: (file: string) => AsyncIterable<string>;
}
