import { type DestinationStream, destination, type LoggerOptions as PinoOptions, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Logger } from '../contract/logger.js';
import { type CleanOptions, cleanFields, cleanText } from './clean-fields.js';
import { prefixOf } from './marks.js';

/** Where lines go: a stream of the process, or anything that takes text. */
interface LogStream {
  write(line: string): unknown;
  readonly isTTY?: boolean;
}

/** Options of {@link createLogger}. */
export interface CreateLoggerOptions {
  /** Least level. Default `info`; `debug` has a line per message. */
  readonly level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** Default: the standard output. */
  readonly stream?: LogStream;
  /** Lines for people instead of JSON. Default: only if the stream is a terminal. */
  readonly pretty?: boolean;
  /** Texts that are masked wherever they occur, besides everything that looks like a secret. */
  readonly secrets?: readonly string[];
}

/** Shorter texts occur by chance; masking them would blacken innocent words. */
const SECRET_MIN_LENGTH = 8;

/**
 * A pino logger whose lines hold no secret and cannot be forged by the values in them: one JSON object per line, or in
 * a terminal one readable line with a prefix.
 */
export function createLogger(options: CreateLoggerOptions = {}): Logger {
  const level = options.level ?? 'info';
  const isPretty = options.pretty ?? (options.stream ?? process.stdout).isTTY === true;
  const secrets = (options.secrets ?? []).filter((secret) => secret.length >= SECRET_MIN_LENGTH);
  const hasStacks = !isPretty || level === 'debug' || level === 'trace';
  return pino(
    pinoOptions(level, { secrets, hasStacks }),
    toDestination({ isPretty, hasStacks }, options.stream),
  );
}

function pinoOptions(level: string, clean: CleanOptions): PinoOptions {
  return {
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    // Errors are plain data by then; pino's own serializer would look for stacks again.
    serializers: { err: (cleaned) => cleaned },
    formatters: {
      level: (label) => ({ level: label }),
      bindings: (bindings) => cleanFields(bindings, clean) as Record<string, unknown>,
    },
    hooks: {
      logMethod(args, method) {
        const cleaned = (args as unknown[]).map((arg) =>
          typeof arg === 'string' ? cleanText(arg, clean) : cleanFields(arg, clean),
        );
        method.apply(this, cleaned as unknown as Parameters<typeof method>);
      },
    },
  };
}

function toDestination(
  { isPretty, hasStacks }: { readonly isPretty: boolean; readonly hasStacks: boolean },
  stream: LogStream | undefined,
): DestinationStream {
  // Synchronous: a line that was written is out, also when the process ends right after it.
  if (!isPretty) return (stream as DestinationStream | undefined) ?? destination({ dest: 1, sync: true });
  const out = stream ?? process.stdout;
  const format = prettyFactory({
    singleLine: true,
    colorize: out.isTTY === true,
    // Without stacks an error fits into the one line of its event.
    errorLikeObjectKeys: hasStacks ? ['err'] : [],
    ignore: 'pid,hostname,mark,event',
    messageFormat: (line, messageKey) => `${prefixOf(line)}${String(line[messageKey] ?? '')}`,
  });
  return { write: (line) => void out.write(format(line)) };
}
