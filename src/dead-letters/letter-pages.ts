import type { LetterPage, LetterSummary, ListLetters } from '../contract/dead-letter-desk.js';
import { BuscouplerError } from '../contract/errors.js';
import type { DeskLetter, LetterPlaceOnBroker } from './desk-letter.js';
import type { DeskParts } from './desk-parts.js';
import { compileFilter } from './letter-filter.js';
import { placesOf, readPlace } from './read-places.js';

const DEFAULT_LIMIT = 50;
const LIMIT_MAX = 1_000;

/** Where a page ended: after this letter of this place. */
interface Cursor {
  readonly place: string;
  readonly ref: string;
  /** When that letter died, should it be gone by then. */
  readonly atMs: number;
}

const placeKeyOf = ({ broker, name, owner }: LetterPlaceOnBroker): string =>
  `${broker}/${name}/${owner.definition.name}`;

function refuse(what: string): never {
  throw new BuscouplerError('BC_DEFINITION_INVALID', what);
}

const writeCursor = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url');

function readCursor(text: string): Cursor {
  try {
    const { place, ref, atMs } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Partial<Cursor>;
    if (typeof place === 'string' && typeof ref === 'string' && typeof atMs === 'number')
      return { place, ref, atMs };
  } catch {
    // told below
  }
  return refuse('The cursor is none that a page ended with.');
}

/** The letters after the cursor. If its letter is gone, those that died later: better one twice than one not at all. */
async function* readAfter(
  parts: DeskParts,
  place: LetterPlaceOnBroker,
  { cursor, signal }: { readonly cursor: Cursor; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<DeskLetter> {
  let isFound = false;
  for await (const letter of readPlace(parts, place, signal)) {
    if (isFound) yield letter;
    else isFound = letter.summary.ref === cursor.ref;
  }
  if (isFound) return;
  for await (const letter of readPlace(parts, place, signal)) {
    if ((letter.failedAtMs ?? Infinity) >= cursor.atMs) yield letter;
  }
}

/** One page of the letters that are asked for. Reads no further than it must, and keeps one page in memory. */
export async function readPage(parts: DeskParts, options: ListLetters): Promise<LetterPage> {
  const { limit = DEFAULT_LIMIT, signal } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    refuse(`limit is ${limit}; allowed: 1 to 1,000.`);
  const matches = compileFilter(options, parts.clock.epochMs());
  const cursor = options.cursor === undefined ? null : readCursor(options.cursor);
  const places = placesOf(parts, options);
  const first = cursor === null ? 0 : places.findIndex((place) => placeKeyOf(place) === cursor.place);
  if (first < 0) refuse('The cursor is of a place that is not asked for.');
  const letters: LetterSummary[] = [];
  let last: Cursor | null = null;
  for (const [index, place] of places.slice(first).entries()) {
    const stream =
      index === 0 && cursor !== null
        ? readAfter(parts, place, { cursor, signal })
        : readPlace(parts, place, signal);
    for await (const letter of stream) {
      if (!matches(letter)) continue;
      if (letters.length === limit && last !== null) return { letters, cursor: writeCursor(last) };
      letters.push(letter.summary);
      last = { place: placeKeyOf(place), ref: letter.summary.ref, atMs: letter.failedAtMs ?? 0 };
    }
  }
  return { letters, cursor: null };
}
