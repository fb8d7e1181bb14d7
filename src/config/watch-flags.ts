import { readFile } from 'node:fs/promises';
import type { Clock, Timer } from '../contract/clock.js';
import { describeError } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import type { BusConfig } from './bus-config.js';
import { parseJson } from './config-file.js';
import { brokersIn, flagNameOf } from './flags.js';
import { isSection, mergeLayers } from './layers.js';
import { dotted, showText, toProblems } from './problems.js';
import { configSchema } from './schema.js';

/** One flag that changed in the file. */
export interface FlagChange {
  readonly consumer: string;
  /** `null`: the file no longer says; the default broker feeds the consumer. */
  readonly broker: BrokerName | null;
}

/** One entry that was added to `consumers.<name>.kafka.skip`. */
export interface SkipAddition {
  readonly consumer: string;
  /** `topic/partition/offset`. */
  readonly position: string;
}

/** Options of {@link watchFlags}. */
export interface WatchFlagsOptions {
  readonly clock: Clock;
  /** Pause between two looks, ms. Default 1,000. */
  readonly intervalMs?: number;
  /** Called with all flags that changed at once. */
  readonly onChange: (changes: readonly FlagChange[]) => void;
  /** Called with all positions that were added at once. */
  readonly onSkips?: (additions: readonly SkipAddition[]) => void;
  /** Called with a sentence: a file that cannot be used (once per state of it), a flag that the environment holds. */
  readonly onProblem: (what: string) => void;
}

/**
 * Watches `consumers.<name>.broker` and `consumers.<name>.kafka.skip` of the JSON file that the configuration was read from, by reading it again: atomic
 * replacement works, which watching an inode does not. While the file is missing, half written or wrong, the last good
 * state holds. Every other change in it waits for the next start. Without a JSON file nothing is watched.
 * Returns a function that stops it; no callback comes after that.
 */
export function watchFlags(config: BusConfig, options: WatchFlagsOptions): () => void {
  const { file } = config;
  if (file === null || !file.endsWith('.json')) return () => undefined;
  let isStopped = false;
  let timer: Timer | undefined;
  const look = createLook(config, options);
  const schedule = (): void => {
    timer = options.clock.schedule(() => void run(), options.intervalMs ?? 1_000);
  };
  const run = async (): Promise<void> => {
    const text = await readText(file);
    if (isStopped) return;
    try {
      look(text);
    } catch (thrown) {
      options.onProblem(`A changed flag was not applied: ${describeError(thrown)}`);
    }
    if (!isStopped) schedule();
  };
  schedule();
  return () => {
    isStopped = true;
    timer?.cancel();
  };
}

/** The text of the file, or why there is none. */
type FileText = { readonly text: string } | { readonly problem: string };

async function readText(file: string): Promise<FileText> {
  try {
    return { text: await readFile(file, 'utf8') };
  } catch (thrown) {
    return { problem: `it cannot be read (${(thrown as NodeJS.ErrnoException).code ?? 'unreadable'})` };
  }
}

function createLook({ file, flags, consumers }: BusConfig, options: WatchFlagsOptions) {
  const { onChange, onSkips, onProblem } = options;
  let last: Flags = flags.file;
  let lastSkips = skipsIn(consumers);
  let lastText = '';
  let lastProblem = '';
  return (read: FileText): void => {
    if ('text' in read && read.text === lastText) return;
    const found = 'text' in read ? readFlags(read.text) : read;
    lastText = 'text' in read ? read.text : '';
    const problem = 'problem' in found ? found.problem : '';
    if (problem !== '' && problem !== lastProblem) {
      onProblem(`${file} is ignored until it is right, as ${problem}.`);
    }
    lastProblem = problem;
    if ('problem' in found) return;
    const changes = differences(last, found.flags);
    last = found.flags;
    const free = changes.filter((change) => !isHeld(change, flags, onProblem));
    const added = found.skips.filter((one) => !lastSkips.some((other) => isSameSkip(one, other)));
    lastSkips = found.skips;
    if (free.length > 0) onChange(free);
    if (added.length > 0) onSkips?.(added);
  };
}

type Flags = Readonly<Record<string, BrokerName>>;

const isSameSkip = (one: SkipAddition, other: SkipAddition): boolean =>
  one.consumer === other.consumer && one.position === other.position;

/** What a section `consumers` says of its Kafka side. */
type SkipSections = Readonly<
  Record<string, { readonly kafka?: { readonly skip?: readonly string[] } | undefined }>
>;

const skipsIn = (consumers: SkipSections): readonly SkipAddition[] =>
  Object.entries(consumers).flatMap(([consumer, { kafka }]) =>
    (kafka?.skip ?? []).map((position) => ({ consumer, position })),
  );

/** What of the file is watched. */
interface Watched {
  readonly flags: Flags;
  readonly skips: readonly SkipAddition[];
}

function readFlags(text: string): Watched | { readonly problem: string } {
  let values: unknown;
  try {
    values = parseJson(text);
  } catch {
    return { problem: 'it is no valid JSON' };
  }
  if (!isSection(values)) return { problem: 'it holds no object' };
  const merged = mergeLayers([{ source: 'file', values, nameOf: dotted }]);
  const parsed = configSchema.safeParse(merged.values);
  if (parsed.success) {
    const { consumers } = parsed.data;
    return { flags: brokersIn(consumers), skips: skipsIn(consumers) };
  }
  const settings = toProblems(parsed.error.issues, merged).map(({ setting, was }) => `${setting} is ${was}`);
  return { problem: settings.join(', ') };
}

function differences(before: Flags, after: Flags): FlagChange[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const at = (flags: Flags, name: string) => (Object.hasOwn(flags, name) ? flags[name] : undefined);
  return [...names]
    .filter((name) => at(before, name) !== at(after, name))
    .map((consumer) => ({ consumer, broker: at(after, consumer) ?? null }));
}

/** A flag that a stronger source holds does not change; whoever edits the file is told. */
function isHeld(
  { consumer }: FlagChange,
  flags: BusConfig['flags'],
  onProblem: (what: string) => void,
): boolean {
  const variable = flagNameOf(consumer);
  const isOverridden = Object.hasOwn(flags.overrides, consumer);
  if (!isOverridden && !Object.hasOwn(flags.environment, variable)) return false;
  const holder = isOverridden ? 'an override' : variable;
  onProblem(
    `The broker of consumer ${showText(consumer)} changed in the file without effect: ${holder} holds it.`,
  );
  return true;
}
