import type { InboxRecord } from './record.js';

/** A claim of somebody else's, as it was first seen. */
interface Sighting {
  readonly token: string | null;
  readonly renewals: number;
  readonly sinceMs: number;
  /** Not to be taken over before; it was tried, and an open transaction holds it. */
  notBeforeMs: number;
}

/** Between two tries at a record that an open transaction holds, ms: each one keeps a bulk of claims waiting. */
export const HELD_PAUSE_MS = 5_000;

/** Most claims that are watched. One that is pushed out is watched anew, so it is taken over later, never earlier. */
const SIGHTINGS_MAX = 10_000;

/**
 * Watches the claims of others. One may be taken over only after it was seen unchanged, neither renewed nor in other
 * hands, for a full lease on our own monotonic clock: no two clocks are ever compared.
 */
export class Sightings {
  readonly #seen = new Map<string, Sighting>();

  /** `askedMs`: before the record was asked for, so that the lease has surely passed between two readings. */
  hasStoodStill(record: InboxRecord, askedMs: number, leaseMs: number): boolean {
    const sighting = this.#seen.get(record._id);
    if (sighting === undefined || !isSame(sighting, record)) return false;
    const hasStood = askedMs - sighting.sinceMs >= Math.max(leaseMs, record.leaseMs);
    return hasStood && askedMs >= sighting.notBeforeMs;
  }

  /** `answeredMs`: after the record was read. */
  note({ _id, token, renewals }: InboxRecord, answeredMs: number): void {
    const sighting = this.#seen.get(_id);
    if (sighting !== undefined && isSame(sighting, { token, renewals })) return;
    this.#seen.delete(_id); // so that it moves to the end: the oldest is at the front
    this.#seen.set(_id, { token, renewals, sinceMs: answeredMs, notBeforeMs: 0 });
    if (this.#seen.size <= SIGHTINGS_MAX) return;
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest);
      return;
    }
  }

  /** Taking it over was tried in vain. */
  noteHeld(key: string, triedMs: number): void {
    const sighting = this.#seen.get(key);
    if (sighting !== undefined) sighting.notBeforeMs = triedMs + HELD_PAUSE_MS;
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }
}

const isSame = (a: Pick<InboxRecord, 'token' | 'renewals'>, b: Pick<InboxRecord, 'token' | 'renewals'>) =>
  a.token === b.token && a.renewals === b.renewals;
