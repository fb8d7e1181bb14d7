import type {
  DeadLetterDesk,
  ExportedLetter,
  GroupReport,
  LetterFilter,
  LetterPage,
  ListLetters,
  PurgeLetters,
  PurgeReport,
  ReplayLetters,
  ReplayReport,
  SkipBatch,
  SkipReport,
} from '../contract/dead-letter-desk.js';
import { BuscouplerError } from '../contract/errors.js';
import { unknownOptions } from '../contract/known-options.js';
import type { DeskParts } from './desk-parts.js';
import { readMended, toExported } from './exported-letter.js';
import { compileFilter } from './letter-filter.js';
import { LetterGroups } from './letter-groups.js';
import { readPage } from './letter-pages.js';
import { maskLetter } from './mask-letter.js';
import { purgeLetters } from './purge-run.js';
import { readPlaces } from './read-places.js';
import { ReplayRun } from './replay-run.js';
import { skipBatch } from './skip-batch.js';

const FILTER = [
  'broker',
  'consumer',
  'reason',
  'errorType',
  'id',
  'group',
  'olderThan',
  'newerThan',
  'signal',
];
const REPLAY = ['execute', 'ratePerSecond', 'max', 'canary', 'by', 'withoutHeaders', 'from'];

const DEFAULT_RATE = 10;
const RATE_MAX = 10_000;
const BY_MAX_LENGTH = 255;

type Reading = LetterFilter & { readonly signal?: AbortSignal };

function refuse(what: string): never {
  throw new BuscouplerError('BC_DEFINITION_INVALID', what);
}

/** The desk over brokers and inbox. See {@link DeadLetterDesk}. */
export class Desk implements DeadLetterDesk {
  readonly #parts: DeskParts;
  #closed: Promise<void> | null = null;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  async list(options: ListLetters = {}): Promise<LetterPage> {
    this.#check(options, [...FILTER, 'limit', 'cursor']);
    return readPage(this.#parts, options);
  }

  async groups(filter: Reading = {}): Promise<GroupReport> {
    this.#check(filter, FILTER);
    const groups = new LetterGroups();
    const matches = compileFilter(filter, this.#parts.clock.epochMs());
    for await (const letter of readPlaces(this.#parts, filter))
      if (matches(letter)) groups.add(letter.summary);
    return groups.report();
  }

  async show(
    id: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly ExportedLetter[]> {
    const letters: ExportedLetter[] = [];
    for await (const letter of this.export({ id, ...options }))
      letters.push(maskLetter(letter, this.#parts.secrets));
    return letters;
  }

  async *export(filter: Reading = {}): AsyncGenerator<ExportedLetter> {
    this.#check(filter, FILTER);
    const matches = compileFilter(filter, this.#parts.clock.epochMs());
    for await (const letter of readPlaces(this.#parts, filter)) if (matches(letter)) yield toExported(letter);
  }

  async replay(options: ReplayLetters = {}): Promise<ReplayReport> {
    this.#check(options, [...FILTER, ...REPLAY]);
    const { from, ratePerSecond = DEFAULT_RATE, by = 'buscoupler', max, ...rest } = options;
    if (!(ratePerSecond > 0 && ratePerSecond <= RATE_MAX))
      refuse(`ratePerSecond is ${ratePerSecond}; allowed: up to 10,000.`);
    if (max !== undefined && !(max >= 1)) refuse(`max is ${max}; allowed: 1 or more.`);
    if (typeof by !== 'string' || by.length > BY_MAX_LENGTH)
      refuse('by is no text of at most 255 characters.');
    const mended = from === undefined ? null : await readMended(from);
    const plan = { ...rest, ratePerSecond, by, mended, ...(max === undefined ? {} : { max }) };
    return new ReplayRun(this.#parts, plan).run();
  }

  async purge(options: PurgeLetters): Promise<PurgeReport> {
    this.#check(options, [...FILTER, 'execute', 'confirm']);
    const { consumer, execute, confirm } = options;
    if (consumer === undefined) refuse('purge() needs the name of a consumer.');
    if (execute && confirm !== consumer) refuse(`confirm must be "${consumer}", the name of the consumer.`);
    return purgeLetters(this.#parts, options);
  }

  async skip(options: SkipBatch): Promise<SkipReport> {
    this.#check(options, ['consumer', 'position', 'execute']);
    return skipBatch(this.#parts, options);
  }

  close(): Promise<void> {
    this.#closed ??= this.#parts.close();
    return this.#closed;
  }

  /** A misspelt filter would ask for everything. */
  #check(options: LetterFilter, known: readonly string[]): void {
    if (this.#closed !== null) throw new BuscouplerError('BC_LIFECYCLE', 'The desk is closed.');
    const unknown = unknownOptions('', options, known);
    if (unknown !== null) refuse(`The desk was asked with ${unknown}.`);
    const { consumer } = options;
    const names = this.#parts.consumers.map(({ definition }) => definition.name);
    if (consumer === undefined || names.includes(consumer)) return;
    const what = `There is no consumer "${consumer}"; known: ${names.join(', ') || 'none'}.`;
    throw new BuscouplerError('BC_CONSUMER_UNKNOWN', what);
  }
}
