import type { BrokerPort } from '../contract/broker.js';
import { BuscouplerError } from '../contract/errors.js';
import type { LetterLedger } from '../contract/letter-ledger.js';
import type { BrokerName } from '../contract/message.js';
import { deadLetterQueueOf, deadLetterTopicOf } from '../messages/names.js';
import { type DeskLetter, type LetterPlaceOnBroker, toDeskLetter } from './desk-letter.js';
import { type DeskConsumer, type DeskParts, ledgerOf } from './desk-parts.js';

/** Letters whose marks are looked up at once. */
const MARKS_PER_LOOK_UP = 256;

/** What is read. */
export interface Selection {
  readonly broker?: BrokerName;
  readonly consumer?: string;
  readonly signal?: AbortSignal | undefined;
}

/** The places that can hold the letters that are asked for, consumer by consumer, in the order in which they are read. */
export function placesOf(parts: DeskParts, { broker, consumer }: Selection): readonly LetterPlaceOnBroker[] {
  const places = parts.brokers.flatMap((one) => placesOn(parts.consumers, one));
  return places.filter(
    (place) =>
      (broker === undefined || place.broker === broker) &&
      (consumer === undefined || place.owner.definition.name === consumer),
  );
}

function placesOn(consumers: readonly DeskConsumer[], broker: BrokerName): LetterPlaceOnBroker[] {
  const owners = consumers.filter(({ brokers }) => brokers.includes(broker));
  return owners.map((owner) => {
    const name = placeNameOf(owner, broker);
    const sharers = owners.filter((one) => placeNameOf(one, broker) === name);
    return { broker, name, owner, sharers: sharers.map(({ definition }) => definition.name) };
  });
}

const placeNameOf = ({ definition }: DeskConsumer, broker: BrokerName): string =>
  broker === 'kafka' ? deadLetterTopicOf(definition) : deadLetterQueueOf(definition);

/** Reads one place, in the broker's order; a place that was never made holds nothing. */
export async function* readPlace(
  parts: DeskParts,
  place: LetterPlaceOnBroker,
  signal?: AbortSignal,
): AsyncGenerator<DeskLetter> {
  const port = await parts.open(place.broker);
  const ledger = port.capabilities.settlesSingly ? null : ledgerOf(parts.inbox, port);
  const letters = openLetters(port, place, signal);
  try {
    yield* ledger === null ? letters : unmarked(letters, ledger);
  } catch (error) {
    if (!(error instanceof BuscouplerError) || error.code !== 'BC_PLACE_MISSING') throw error;
  }
}

async function* openLetters(port: BrokerPort, place: LetterPlaceOnBroker, signal?: AbortSignal) {
  const options = signal === undefined ? {} : { signal };
  for await (const one of port.letters(place.owner.definition, options)) {
    const letter = toDeskLetter(one, place);
    if (letter !== null) yield letter;
  }
}

/** Leaves out what was replayed or purged already, and still lies in the log. */
async function* unmarked(
  letters: AsyncIterable<DeskLetter>,
  ledger: LetterLedger,
): AsyncGenerator<DeskLetter> {
  let batch: DeskLetter[] = [];
  for await (const letter of letters) {
    batch.push(letter);
    if (batch.length < MARKS_PER_LOOK_UP) continue;
    yield* await withoutMarked(batch, ledger);
    batch = [];
  }
  yield* await withoutMarked(batch, ledger);
}

async function withoutMarked(batch: readonly DeskLetter[], ledger: LetterLedger): Promise<DeskLetter[]> {
  if (batch.length === 0) return [];
  const marks = await ledger.marksOf(batch.flatMap(({ position }) => position ?? []));
  return batch.filter((_, index) => marks[index] !== 'replayed' && marks[index] !== 'purged');
}

/** Reads every place that is asked for, one after another. */
export async function* readPlaces(parts: DeskParts, selection: Selection): AsyncGenerator<DeskLetter> {
  for (const place of placesOf(parts, selection)) {
    if (selection.signal?.aborted) return;
    yield* readPlace(parts, place, selection.signal);
  }
}
