import type { Clock, Timer } from '../contract/clock.js';

/** How long a claim may wait for the turn of its message, ms; give or take one look. */
export const AHEAD_MAX_MS = 500;

const LOOK_MS = 100;

/** Most claims ahead of their turn, whatever the demand. */
const MOST_AHEAD = 4_096;

/** A message whose claim is asked for before it has a place to run in. */
export interface AheadOfTurn {
  /** Its channel or partition, or its consumer's run, is gone. */
  readonly isOver: boolean;
  /** It counts among those that were let in; the field is this class's own. */
  isLetIn: boolean;
  /** Place in the order of arrival. */
  readonly sequence: number;
  /** It may ask for its claim now; `leave` or `awaitTurn` follows. */
  askForClaim(): void;
  /** The claim is no longer wanted: its turn did not come. The message asks again when it does. */
  giveBack(): void;
}

/** What {@link ClaimsAhead} is made of. */
export interface ClaimsAheadOptions {
  readonly clock: Clock;
  /** How many are let in ahead at first. */
  readonly most: number;
  /** Places in which nothing runs: claims for those are always let in. */
  readonly freePlaces: () => number;
}

/**
 * Has messages of one consumer claimed before their turn, so that bulks are not bounded by how many handlers run. How many
 * grows while more wait to ask and those that are in have their turn soon. A claim that waits too long, or whose delivery is
 * gone, is given back, and fewer are let in: another instance may need it, and an owner that was frozen or cut off must
 * not start what it has lost meanwhile.
 */
export class ClaimsAhead<Item extends AheadOfTurn> {
  readonly #options: ClaimsAheadOptions;
  /** Those that wait until they may ask, in order of arrival. */
  readonly #parked: Item[] = [];
  /** Those that are claimed and wait for their turn, and since when; the longest wait first. */
  readonly #waiting = new Map<Item, number>();
  #most: number;
  /** Asked for, or waiting for their turn. */
  #ahead = 0;
  /** More wanted to ask than might since the last look. */
  #isShort = false;
  /** Taken since the last look. */
  #turns = 0;
  #timer: Timer | null = null;

  constructor(options: ClaimsAheadOptions) {
    this.#options = options;
    this.#most = options.most;
  }

  /** Lets the item ask now or later. */
  enter(item: Item): void {
    this.#timer ??= this.#schedule();
    if (this.#parked.length === 0 && this.#hasRoom) this.#letIn(item);
    else this.#park(item);
  }

  /**
   * Lets the item ask now, behind one of its key that runs. There is one per key at most, and how long it waits says nothing
   * about how many are let in: it does not count.
   */
  enterBehind(item: Item): void {
    item.askForClaim();
  }

  /** To be called when a place has become free. Half of those ahead have their turn before more are let in: claims go in bulks. */
  fill(): void {
    if (this.#ahead > (this.#most >> 1) + this.#options.freePlaces()) return;
    while (this.#parked.length > 0 && this.#hasRoom) this.#letIn(this.#parked.shift() as Item);
  }

  /** The answer came, and it has no turn to wait for. */
  leave(item: Item): void {
    if (item.isLetIn) this.#ahead -= 1;
    item.isLetIn = false;
  }

  /** It is claimed and waits for its turn. */
  awaitTurn(item: Item): void {
    this.#waiting.set(item, this.#options.clock.monotonicMs());
    this.#timer ??= this.#schedule();
  }

  /**
   * Its turn has come. True if its claim is good; otherwise it is given back: the store does not answer, or it was not asked
   * for so long (this process was frozen, and looked at no timer) that somebody else may own the message.
   */
  takeTurn(item: Item, isStoreDown: boolean): boolean {
    const waitedMs = this.#options.clock.monotonicMs() - (this.#waiting.get(item) ?? 0);
    const isGood = !isStoreDown && waitedMs <= AHEAD_MAX_MS + LOOK_MS;
    this.#remove(item);
    if (isGood) this.#turns += 1;
    else item.giveBack();
    return isGood;
  }

  get #hasRoom(): boolean {
    return this.#ahead < this.#most + this.#options.freePlaces();
  }

  #letIn(item: Item): void {
    this.#ahead += 1;
    item.isLetIn = true;
    item.askForClaim();
  }

  #park(item: Item): void {
    this.#isShort = true;
    const parked = this.#parked;
    let at = parked.length;
    while (at > 0 && (parked[at - 1] as Item).sequence > item.sequence) at -= 1;
    if (at === parked.length) parked.push(item);
    else parked.splice(at, 0, item);
  }

  #remove(item: Item): void {
    this.#waiting.delete(item);
    this.leave(item);
  }

  #schedule(): Timer {
    return this.#options.clock.schedule(this.#look, LOOK_MS);
  }

  readonly #look = (): void => {
    this.#timer = null;
    if (this.#giveBackOld()) this.#most >>= 1;
    else if (this.#isShort && this.#turns > 0 && this.#turns >= this.#most) {
      this.#most = Math.min(MOST_AHEAD, Math.max(1, this.#most * 2));
    }
    this.#turns = 0;
    this.#isShort = this.#parked.length > 0;
    this.fill();
    if (this.#ahead > 0 || this.#parked.length > 0 || this.#waiting.size > 0)
      this.#timer ??= this.#schedule();
  };

  /** True if one waited for too long. */
  #giveBackOld(): boolean {
    const beforeMs = this.#options.clock.monotonicMs() - AHEAD_MAX_MS;
    let isTooMany = false;
    for (const [item, sinceMs] of this.#waiting) {
      const isOld = sinceMs <= beforeMs;
      isTooMany ||= isOld && item.isLetIn;
      if (!isOld && !item.isOver) continue;
      this.#remove(item);
      item.giveBack();
    }
    return isTooMany;
  }
}
