/** Something that is alive as long as it changes. */
export interface LifeSign {
  readonly token: string | null;
  readonly renewals: number;
}

interface Seen {
  readonly sign: LifeSign;
  readonly sinceMs: number;
}

/**
 * Remembers since when, on this process' own monotonic clock, each sign looks as it does. Clocks of other machines and of
 * the store decide nothing: one that is wrong by an hour neither steals a lease nor keeps one.
 */
export class LifeSigns {
  readonly #leaseMs: number;
  #seen = new Map<string, Seen>();

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** Takes note of everything that is there; what is gone is forgotten. */
  look(signs: Iterable<readonly [name: string, sign: LifeSign]>, nowMs: number): void {
    const seen = new Map<string, Seen>();
    for (const [name, sign] of signs) {
      const before = this.#seen.get(name);
      const isSame = before?.sign.token === sign.token && before.sign.renewals === sign.renewals;
      seen.set(name, isSame ? before : { sign, sinceMs: nowMs });
    }
    this.#seen = seen;
  }

  /** True if it has looked the same for a full lease. */
  isStale(name: string, nowMs: number): boolean {
    const seen = this.#seen.get(name);
    return seen !== undefined && nowMs - seen.sinceMs >= this.#leaseMs;
  }
}
