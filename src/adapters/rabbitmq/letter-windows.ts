/** Letters of the first window; each may have twice as many as the one before. */
const FIRST = 64;

/** Letters that a window may have whatever the queue holds. */
const LEAST_MAX = 256;

/** AMQP's prefetch count is 16 bits. */
const PREFETCH_MAX = 65_535;

/**
 * A window's greatest share of the queue. Each window is a consumer of its own; a server gives the letters of up to 32
 * back in order, and mixes those of more (3.10 and 4.0).
 */
const SHARE = 1 / 20;

/** Bytes of a window, as the letters so far let one expect: 100,000 letters of our own come in less than 32 windows. */
const WINDOW_BYTES = 32 * 1024 * 1024;

/** What a letter takes in memory beside its body, bytes: headers with a stack, and objects. */
const LETTER_OVERHEAD_BYTES = 6 * 1024;

/** How many letters to ask for at a time, so that memory stays bounded and the queue keeps its order. */
export class LetterWindows {
  readonly #most: number;
  #next = FIRST;
  #letters = 0;
  #bytes = 0;

  /** `total`: letters in the queue. */
  constructor(total: number) {
    this.#most = Math.min(PREFETCH_MAX, Math.max(LEAST_MAX, Math.ceil(total * SHARE)));
  }

  /** Size of the next window, 1 at least. */
  next(): number {
    const size = Math.min(this.#next, this.#most, this.#fitting());
    this.#next = size * 2;
    return Math.max(1, size);
  }

  #fitting(): number {
    if (this.#letters === 0) return FIRST;
    return Math.max(1, Math.floor(WINDOW_BYTES / (this.#bytes / this.#letters)));
  }

  /** A letter arrived. */
  seen(bodyBytes: number): void {
    this.#letters += 1;
    this.#bytes += bodyBytes + LETTER_OVERHEAD_BYTES;
  }
}
