import { createHash } from 'node:crypto';
import type { StoredLetter } from '../contract/broker.js';
import type { LetterSummary } from '../contract/dead-letter-desk.js';
import type { LetterPosition } from '../contract/letter-ledger.js';
import type { BrokerName, IncomingMessage } from '../contract/message.js';
import { isoTime } from '../messages/ids.js';
import type { DeskConsumer } from './desk-parts.js';
import { type DeadLetter, readLetter } from './read-letter.js';

/** The letters of one consumer in one place. */
export interface LetterPlaceOnBroker {
  readonly broker: BrokerName;
  readonly name: string;
  readonly owner: DeskConsumer;
  /** Names of all consumers whose letters lie in it: those of one topic share its dead-letter topic. The first is asked for nobody's. */
  readonly sharers: readonly string[];
}

/** A letter on the desk. */
export interface DeskLetter {
  readonly stored: StoredLetter;
  readonly summary: LetterSummary;
  /** Whose it is; `null`: nobody's whom we know. */
  readonly consumer: DeskConsumer | null;
  /** When it died, ms since the epoch; `null`: not said. */
  readonly failedAtMs: number | null;
  /** `null`: it lies in a queue, from which it can be removed. */
  readonly position: LetterPosition | null;
}

/** Short, and long enough that a million letters are told apart. */
const DIGEST_LENGTH = 20;

function digest(...parts: (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, DIGEST_LENGTH);
}

/** What stays the same however often a queue hands a letter over and takes it back. */
function refOf({ id, body, position }: IncomingMessage, letter: DeadLetter): string {
  if (position.broker === 'kafka') return `${position.topic}/${position.partition}/${position.offset}`;
  const facts = [id ?? '', letter.failedAtMs ?? '', letter.replayCount, letter.attempts ?? ''].map(String);
  return `${position.queue}#${digest(...facts, body ?? 'null')}`;
}

/** True if the letter is shown as one of this consumer's: so each is shown once, however many share its place. */
const belongsTo = ({ owner, sharers }: LetterPlaceOnBroker, named: string | null): boolean => {
  const { name } = owner.definition;
  if (named !== null && sharers.includes(named)) return named === name;
  return sharers[0] === name;
};

/** Whose it is: whom it names, or if it names nobody the only one who can be meant. */
function ownerOf({ owner, sharers }: LetterPlaceOnBroker, named: string | null): DeskConsumer | null {
  if (named === owner.definition.name) return owner;
  return named === null && sharers.length === 1 ? owner : null;
}

function positionOf({ position, timestampMs }: IncomingMessage): LetterPosition | null {
  if (position.broker !== 'kafka') return null;
  const { topic, partition, offset } = position;
  return { topic, partition, offset, timestampMs: timestampMs ?? -1 };
}

/** Reads what a stored letter says of itself; nothing in it can make this fail. `null`: it is another consumer's. */
export function toDeskLetter(stored: StoredLetter, place: LetterPlaceOnBroker): DeskLetter | null {
  const { message, problem } = stored;
  const { name, topic } = place.owner.definition;
  const letter = readLetter(message, { consumer: name, topic: topic.name });
  if (!belongsTo(place, letter.consumer)) return null;
  const consumer = ownerOf(place, letter.consumer);
  const owner = letter.consumer ?? consumer?.definition.name ?? null;
  const { type, message: text, frame } = letter.error;
  const failedAtMs = letter.failedAtMs ?? message.timestampMs;
  const summary: LetterSummary = {
    ref: refOf(message, letter),
    id: letter.id,
    consumer: owner,
    broker: place.broker,
    place: place.name,
    reason: letter.reason,
    failedAt: failedAtMs === null ? null : isoTime(failedAtMs),
    errorType: type,
    errorMessage: text,
    frame,
    attempts: letter.attempts,
    replayCount: letter.replayCount,
    group: digest(owner ?? '', type ?? letter.reason ?? '', frame ?? ''),
    isNative: letter.isNative,
    bytes: message.body?.length ?? 0,
    ...(problem === undefined ? {} : { problem }),
  };
  return { stored, summary, consumer, failedAtMs, position: positionOf(message) };
}
