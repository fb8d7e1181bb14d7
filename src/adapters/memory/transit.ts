import type { Clock, Timer } from '../../contract/clock.js';
import { Ring } from './ring.js';

interface Passage {
  readonly arrivesAtMs: number;
  readonly arrive: () => void;
}

/** A slow wire: things arrive late and in the order in which they left. */
export class Transit {
  readonly #clock: Clock;
  #passages = new Ring<Passage>();
  #timer: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many are on their way. */
  get size(): number {
    return this.#passages.size;
  }

  /** Nothing overtakes: it arrives when its own delay is over and everything before it arrived. */
  send(delayMs: number, arrive: () => void): void {
    const last = this.#passages.at(this.#passages.size - 1);
    const arrivesAtMs = Math.max(last?.arrivesAtMs ?? 0, this.#clock.monotonicMs() + delayMs);
    this.#passages.push({ arrivesAtMs, arrive });
    this.#await();
  }

  /** What is on its way never arrives. */
  clear(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#passages = new Ring();
  }

  #await(): void {
    const first = this.#passages.at(0);
    if (first === undefined || this.#timer !== null) return;
    const delayMs = Math.max(0, first.arrivesAtMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.schedule(() => this.#arrivals(), delayMs, { keepAlive: true });
  }

  #arrivals(): void {
    this.#timer = null;
    const now = this.#clock.monotonicMs();
    for (let head = this.#passages.at(0); head !== undefined; head = this.#passages.at(0)) {
      if (head.arrivesAtMs > now) break;
      this.#passages.shift();
      head.arrive();
    }
    this.#await();
  }
}
