import type { Clock, Random, Timer } from '../contract/clock.js';
import { backoffDelayMs } from './backoff.js';

/** Different messages that failed one after another, none having succeeded in between, after which it is not them. */
const ROW_LENGTH = 10;

/** Every so many probes one is taken whose failure would say nothing. */
const SUSPECT_TURN = 4;

const BACKOFF = { initialMs: 1_000, factor: 2, maxMs: 30_000, jitter: 0.2 };

/** Something that waits while its consumer probes. */
export interface Probed {
  /** It is void (its channel or partition is gone): taking it up ends it. */
  readonly isOver: boolean;
  /** Place in the order of arrival. */
  readonly sequence: number;
  /** When it, or a message of its key before it, failed for the first time, ms since the epoch; `null`: none did. */
  readonly failedAtMs: number | null;
}

/** What {@link MassFailure} is made of. */
export interface MassFailureOptions<Item> {
  readonly clock: Clock;
  readonly random: Random;
  /** Gives an item that was set aside its turn again. */
  readonly takeUp: (item: Item) => void;
  /** The consumer began to probe, or (`false`) ended it. */
  readonly onChange: (isProbing: boolean) => void;
}

/**
 * Tells a consumer all of whose messages fail (its database is down) from one with bad messages. Then it probes: one
 * message at a time, each time another one of those that wait, with pauses from 1 s doubling to 30 s. What fails meanwhile
 * has not failed: it waits, with its attempts untouched. The first message whose handler comes to a decision ends it.
 *
 * A message that failed before, or whose key did, while others succeeded since, says nothing about the others when it fails:
 * copies of bad messages that come back together, and messages of bad keys, are no mass failure, and as probes, which they
 * are seldom, they count as failed.
 *
 * What waits is held unsettled. A Kafka leg pauses when its buffer is full, for as long as need be. RabbitMQ closes a
 * channel on which a delivery is unacked for 30 min: the feed gives back what is held before (`HoldLimit`).
 */
export class MassFailure<Item extends Probed> {
  readonly #options: MassFailureOptions<Item>;
  readonly #row = new Set<string>();
  /** When something came to a decision after a failure, ms since the epoch. */
  #decidedAtMs = Number.NEGATIVE_INFINITY;
  /** In the order in which they have their turn. */
  #aside: Item[] = [];
  #probe: Item | null = null;
  #probes = 0;
  #timer: Timer | null = null;
  /** The pause is over, and nothing waited that could be probed. */
  #isDue = false;
  isProbing = false;

  constructor(options: MassFailureOptions<Item>) {
    this.#options = options;
  }

  /** Hot path: whether the item must be set aside instead of run. */
  holds(item: Item): boolean {
    return this.isProbing && item !== this.#probe;
  }

  /** A handler failed and could succeed later; true if that counts for nothing because the consumer probes. */
  failed(item: Item, id: string): boolean {
    const isSuspect = this.#isSuspect(item);
    if (this.isProbing) {
      const isProbe = item === this.#probe;
      if (isProbe) this.#pause();
      return !(isProbe && isSuspect);
    }
    if (isSuspect) return false;
    this.#row.add(id);
    if (this.#row.size < ROW_LENGTH) return false;
    this.isProbing = true;
    this.#probes = 0;
    this.#pause();
    this.#options.onChange(true);
    return true;
  }

  /** A handler came to a decision: it succeeded, or gave its message up. */
  decided(): void {
    if (this.#row.size > 0) {
      this.#row.clear();
      this.#decidedAtMs = this.#options.clock.epochMs();
    }
    if (this.isProbing) this.end();
  }

  /** The item waits. */
  setAside(item: Item): void {
    // It was on its way while the probing ended.
    if (!this.isProbing) {
      this.#options.takeUp(item);
      return;
    }
    this.#aside.push(item);
    if (this.#probe === item) this.ended(item);
    else if (this.#isDue) this.#next();
  }

  /** The item is gone, or set aside; if it was the probe and decided nothing, the next has its turn at once. */
  ended(item: Item): void {
    if (item !== this.#probe) return;
    this.#probe = null;
    this.#next();
  }

  /** Everything that waits goes on, in its order. */
  end(): void {
    const aside = this.#aside.sort((one, other) => one.sequence - other.sequence);
    const wasProbing = this.isProbing;
    this.#timer?.cancel();
    this.#timer = null;
    this.#aside = [];
    this.#probe = null;
    this.#isDue = false;
    this.isProbing = false;
    this.#row.clear();
    if (wasProbing) this.#options.onChange(false);
    for (const item of aside) this.#options.takeUp(item);
  }

  #pause(): void {
    const { clock, random } = this.#options;
    this.#probe = null;
    this.#probes += 1;
    this.#timer = clock.schedule(
      () => {
        this.#timer = null;
        this.#next();
      },
      backoffDelayMs(BACKOFF, Math.min(this.#probes, 10), random),
    );
  }

  #next(): void {
    this.#isDue = false;
    this.#dropVoid();
    const probe = this.#takeProbe();
    this.#isDue = probe === undefined;
    if (probe === undefined) return;
    this.#probe = probe;
    this.#options.takeUp(probe);
  }

  #takeProbe(): Item | undefined {
    const isAnyones = this.#probes % SUSPECT_TURN === 0;
    const index = isAnyones ? -1 : this.#aside.findIndex((item) => !this.#isSuspect(item));
    return this.#aside.splice(Math.max(0, index), 1)[0];
  }

  #isSuspect({ failedAtMs }: Item): boolean {
    return failedAtMs !== null && failedAtMs <= this.#decidedAtMs;
  }

  /** What is void would be kept for as long as the failure lasts, once more with every lost connection. */
  #dropVoid(): void {
    const isVoid = this.#aside.filter(({ isOver }) => isOver);
    if (isVoid.length === 0) return;
    this.#aside = this.#aside.filter(({ isOver }) => !isOver);
    for (const item of isVoid) this.#options.takeUp(item);
  }
}
