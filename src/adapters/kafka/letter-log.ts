import type { StoredLetter } from '../../contract/broker.js';
import type { IncomingMessage } from '../../contract/message.js';
import type { AdminClient, PlaceToRead } from './driver.js';
import { toKafkaError } from './errors.js';
import { toIncoming } from './messages.js';
import { toWholeBatch } from './poison-letter.js';
import { mayBeUndecodable } from './undecodable.js';

/** What one fetch of one partition brings, bytes; a single batch may be larger. */
const FETCH_BYTES = 128 * 1024;

/** How a log is read. */
export interface LetterLogOptions {
  /** Where reading ends. */
  readonly end: bigint;
  readonly admin: AdminClient;
  /** Asks again while the answer is one that passes. */
  readonly ask: <Answer>(question: () => Promise<Answer>) => Promise<Answer>;
}

/** No single record can be taken out of a log. */
const remove = async (): Promise<boolean> => false;

const toLetter = (message: IncomingMessage, problem?: string): StoredLetter =>
  problem === undefined ? { message, remove } : { message, problem, remove };

/** One partition of a dead-letter topic, read from one offset to another, one fetch at a time. */
export class LetterLog {
  readonly #options: LetterLogOptions;
  readonly #place: PlaceToRead;
  #offset: bigint;
  #letters: StoredLetter[] = [];
  #head = 0;

  constructor(place: PlaceToRead, options: LetterLogOptions) {
    this.#place = place;
    this.#offset = place.offset;
    this.#options = options;
  }

  /** When the next letter was stored, ms since the epoch. */
  get nextMs(): number {
    return this.#letters[this.#head]?.message.timestampMs ?? 0;
  }

  /** Makes sure that there is a next letter; false: the end is reached. */
  async fill(): Promise<boolean> {
    while (this.#head === this.#letters.length) {
      if (this.#offset >= this.#options.end) return false;
      this.#head = 0;
      this.#letters = await this.#fetch();
    }
    return true;
  }

  /** The next letter. */
  take(): StoredLetter {
    const letter = this.#letters[this.#head] as StoredLetter;
    this.#head += 1;
    return letter;
  }

  /** The next letters; none if what comes next holds none. Reading has gone on in any case. */
  async #fetch(): Promise<StoredLetter[]> {
    return (await this.#decoded(FETCH_BYTES)) ?? (await this.#decoded(1)) ?? (await this.#raw());
  }

  /** `null`: something in it cannot be decoded, or there is nothing but what is no record. */
  async #decoded(maxBytes: number): Promise<StoredLetter[] | null> {
    const { admin, ask, end } = this.#options;
    const place = { ...this.#place, offset: this.#offset, maxBytes };
    const batch = await ask(async () => {
      try {
        return await admin.readOne(place);
      } catch (thrown) {
        if (mayBeUndecodable(thrown)) return null;
        throw thrown;
      }
    });
    const last = batch?.records.at(-1);
    if (batch === null || last === undefined) return null;
    this.#offset = BigInt(last.offset) + 1n;
    const records = batch.records.filter(({ offset }) => BigInt(offset) < end);
    return records.map((record) => toLetter(toIncoming(record, this.#place)));
  }

  /** A batch that cannot be decoded is shown as one letter with its bytes, and reading goes on behind it. */
  async #raw(): Promise<StoredLetter[]> {
    const { admin, ask, end } = this.#options;
    const place = { ...this.#place, offset: this.#offset };
    const batch = await ask(() => admin.readRaw(place));
    if (batch === null) {
      // Retention has taken what was here: the log begins later.
      const firsts = await ask(() => admin.edgeOffsets(place.topic, 'first'));
      const first = firsts.find(({ partition }) => partition === place.partition)?.offset ?? end;
      this.#offset = first > this.#offset ? first : end;
      return [];
    }
    this.#offset = batch.lastOffset + 1n;
    const problem = await this.#problemOf(place);
    if (problem === null) return [];
    return [toLetter(toWholeBatch(place, batch), problem)];
  }

  /** Why the batch cannot be decoded; `null`: it can, but holds no records (markers of transactions). */
  async #problemOf(place: PlaceToRead): Promise<string | null> {
    try {
      await this.#options.admin.readOne(place);
      return null;
    } catch (thrown) {
      return `The batch cannot be decoded: ${toKafkaError(thrown, 'its reader failed', 'BC_UNDECODABLE').message}`;
    }
  }
}
