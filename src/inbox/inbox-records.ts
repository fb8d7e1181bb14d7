import type { InboxCopy, InboxState } from '../contract/inbox.js';

/** One message id of one consumer and generation; once it is settled a cell of the list in order of settling. */
export interface InboxRecord {
  readonly id: string;
  readonly siblings: Siblings;
  state: InboxState;
  /** Of the claim on it; `null`: nobody has one. */
  token: string | null;
  /** The highest attempt that was claimed or stored. */
  attempt: number;
  settledAtMs: number;
  nextSettled: InboxRecord | null;
}

/** Records of one consumer and generation, by id. */
interface Siblings {
  readonly consumer: string;
  readonly generation: number;
  readonly byId: Map<string, InboxRecord>;
}

/** True if the copy must be let go of: done, dead, or a later attempt is stored. */
export const isSettledFor = ({ state, attempt }: InboxRecord, copy: InboxCopy): boolean =>
  state === 'done' || state === 'dead' || attempt > copy.attempt;

/** All records, found without building a key, and the settled ones in order of settling. */
export class InboxRecords {
  readonly #consumers = new Map<string, Map<number, Siblings>>();
  #last: Siblings | null = null;
  #firstSettled: InboxRecord | null = null;
  #lastSettled: InboxRecord | null = null;
  #settled = 0;

  get(consumer: string, { id, generation }: InboxCopy): InboxRecord | undefined {
    return this.#siblings(consumer, generation).byId.get(id);
  }

  /** A new record that is claimed. */
  add(consumer: string, { id, generation, attempt }: InboxCopy, token: string): void {
    const siblings = this.#siblings(consumer, generation);
    const record: InboxRecord = {
      id,
      siblings,
      state: 'claimed',
      token,
      attempt,
      settledAtMs: 0,
      nextSettled: null,
    };
    siblings.byId.set(id, record);
  }

  settle(record: InboxRecord, state: 'done' | 'dead', atMs: number): void {
    record.state = state;
    record.token = null;
    record.settledAtMs = atMs;
    if (this.#lastSettled === null) this.#firstSettled = record;
    else this.#lastSettled.nextSettled = record;
    this.#lastSettled = record;
    this.#settled += 1;
  }

  /** Forgets what was settled before `beforeMs`, and the oldest that are more than `max`. */
  forget(max: number, beforeMs: number): void {
    for (
      let oldest = this.#firstSettled;
      oldest !== null && (this.#settled > max || oldest.settledAtMs < beforeMs);
      oldest = this.#firstSettled
    ) {
      this.#firstSettled = oldest.nextSettled;
      if (oldest.nextSettled === null) this.#lastSettled = null;
      this.#settled -= 1;
      this.#remove(oldest);
    }
  }

  #siblings(consumer: string, generation: number): Siblings {
    const last = this.#last;
    if (last !== null && last.generation === generation && last.consumer === consumer) return last;
    let generations = this.#consumers.get(consumer);
    if (generations === undefined) {
      generations = new Map();
      this.#consumers.set(consumer, generations);
    }
    let siblings = generations.get(generation);
    if (siblings === undefined) {
      siblings = { consumer, generation, byId: new Map() };
      generations.set(generation, siblings);
    }
    this.#last = siblings;
    return siblings;
  }

  #remove({ id, siblings }: InboxRecord): void {
    siblings.byId.delete(id);
    if (siblings.byId.size > 0 || siblings.generation === 0) return;
    // A hostile producer can make generations up: none stays behind empty.
    this.#consumers.get(siblings.consumer)?.delete(siblings.generation);
    if (this.#last === siblings) this.#last = null;
  }
}
