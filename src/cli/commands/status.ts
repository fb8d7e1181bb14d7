import { setTimeout } from 'node:timers/promises';
import { readStatus, type StatusReport } from '../../index.js';
import type { SetupCommand } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { json, type Paint, plain, table } from '../text.js';

/** Options of `status`. */
export interface StatusOptions {
  readonly consumer?: string;
  /** Longest time for each broker, ms. */
  readonly timeout?: number;
  readonly watch?: boolean;
  /** Pause between two looks, ms. */
  readonly interval?: number;
}

const INTERVAL_MS = 2_000;
/** Home, and clear what is below. */
const REDRAW = '\u001b[H\u001b[2J';
const HEAD = [
  'CONSUMER',
  'BROKER',
  'STATE',
  'WAITING',
  'UNSETTLED',
  'OLDEST',
  'RETRIES',
  'DEAD LETTERS',
  'READERS',
];

type Leg = StatusReport['consumers'][number]['legs'][number];

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

function age(ms: number | null): string {
  if (ms === null) return '–';
  const [unit, size] = UNITS.find((one) => ms >= one[1]) ?? (['s', 1_000] as const);
  return `${Math.floor(ms / size)}${unit}`;
}

const count = (value: number | null): string => (value === null ? '–' : value.toLocaleString('en-US'));

const cellsOf = (consumer: string, leg: Leg): string[] => [
  consumer,
  leg.broker,
  leg.state,
  count(leg.waiting),
  count(leg.unsettled),
  age(leg.oldestAgeMs),
  count(leg.retries),
  count(leg.deadLetters),
  count(leg.readers),
];

const EMBEDDED =
  'Embedded brokers live in the process that made them: this one looked at its own, not at those.\n';

function show({ consumers, isEmbedded }: StatusReport, paint: Paint): string {
  const legs = consumers.flatMap(({ consumer, legs }) => legs.map((leg) => ({ consumer, leg })));
  if (legs.length === 0) return 'No consumers.\n';
  const rows = legs.map(({ consumer, leg }) => cellsOf(consumer, leg).map(plain));
  const reasons = new Set(
    legs.flatMap(({ leg }) => (leg.reason === undefined ? [] : [`${leg.broker}: ${plain(leg.reason)}\n`])),
  );
  const notes = [...[...reasons].map((one) => paint('red', one)), ...(isEmbedded ? [EMBEDDED] : [])];
  return `${table(HEAD, rows, paint)}${notes.length === 0 ? '' : '\n'}${notes.join('')}`;
}

const codeOf = ({ consumers }: StatusReport): ExitCode =>
  consumers.some(({ legs }) => legs.some(({ reason }) => reason !== undefined)) ? EXIT.error : EXIT.done;

/** Shows where every consumer stands; with `watch` until it is interrupted. */
export const status: SetupCommand<StatusOptions> = async ({ given, io, isJson, paint }, options) => {
  const { consumer, timeout, watch = false, interval = INTERVAL_MS } = options;
  const { signal } = io;
  const asked = {
    ...(consumer !== undefined && { consumer }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
  };
  for (;;) {
    const report = await readStatus(given, { ...asked, signal });
    if (signal.aborted) return EXIT.interrupted;
    const text = isJson ? `${json(report, watch ? undefined : 2)}\n` : show(report, paint);
    await io.out(watch && io.hasColours && !isJson ? `${REDRAW}${text}` : text);
    if (!watch) return codeOf(report);
    await setTimeout(interval, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return EXIT.interrupted;
  }
};
