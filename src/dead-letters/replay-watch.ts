import type { Clock } from '../contract/clock.js';
import type { Inbox, InboxCopy } from '../contract/inbox.js';
import type { DeskConsumer } from './desk-parts.js';
import { statesOf } from './inbox-look.js';

/** How many ends decide whether errors spike. */
const RECENT = 20;
/** Fewer deaths than this are no spike. */
const DEATHS_MIN = 3;
/** Most copies whose end is waited for; of older ones it is not learnt any more. */
const WATCHED_MAX = 1_000;
/** How often the inbox is asked at most, ms. */
const ASK_EVERY_MS = 250;

interface Watched {
  readonly consumer: DeskConsumer;
  readonly copy: InboxCopy;
}

/** Learns from the inbox how replayed copies ended. */
export class ReplayWatch {
  readonly #inbox: Inbox | null;
  readonly #clock: Clock;
  #open: Watched[] = [];
  readonly #recent: boolean[] = [];
  #askedAtMs = -Infinity;
  handled = 0;
  died = 0;
  /** True once the inbox told the state of a copy: from here it can be seen how copies end. */
  canSee = false;

  constructor(inbox: Inbox | null, clock: Clock) {
    this.#inbox = inbox;
    this.#clock = clock;
  }

  add(consumer: DeskConsumer, copy: InboxCopy): void {
    this.#open.push({ consumer, copy });
    if (this.#open.length > WATCHED_MAX) this.#open.shift();
  }

  /** Copies whose end is not known. */
  get open(): number {
    return this.#open.length;
  }

  /** More than half of the latest ends were deaths. */
  get isSpiking(): boolean {
    const deaths = this.#recent.filter((isDead) => isDead).length;
    return deaths >= DEATHS_MIN && deaths * 2 > this.#recent.length;
  }

  /** Asks for the copies that are open, unless that was done just now. */
  async look(options: { readonly force?: boolean } = {}): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#open.length === 0 || (!options.force && nowMs - this.#askedAtMs < ASK_EVERY_MS)) return;
    this.#askedAtMs = nowMs;
    const stillOpen: Watched[] = [];
    for (const [consumer, watched] of byConsumer(this.#open)) {
      const copies = watched.map(({ copy }) => copy);
      const states = await statesOf(this.#inbox, consumer, copies);
      for (const [index, one] of watched.entries()) {
        const state = states[index];
        if (state !== 'unknown' && state !== 'absent') this.canSee = true;
        if (state === 'done' || state === 'dead') this.#ended(state === 'dead');
        else stillOpen.push(one);
      }
    }
    this.#open = stillOpen;
  }

  #ended(isDead: boolean): void {
    if (isDead) this.died += 1;
    else this.handled += 1;
    this.#recent.push(isDead);
    if (this.#recent.length > RECENT) this.#recent.shift();
  }
}

function byConsumer(watched: readonly Watched[]): ReadonlyMap<DeskConsumer, Watched[]> {
  const groups = new Map<DeskConsumer, Watched[]>();
  for (const one of watched) groups.set(one.consumer, [...(groups.get(one.consumer) ?? []), one]);
  return groups;
}
