/** What runs in lanes. The mutable fields belong to the lanes: items are the cells of their lists. */
export interface LaneItem {
  /** `null`: no order with any other item. */
  readonly key: string | null;
  lane: Lane | null;
  next: LaneItem | null;
  /** Place in the order of arrival. */
  sequence: number;
  /** It counts as running. */
  hasPlace: boolean;
}

/** Items of one key, the first of which may run. Exported for the fields of {@link LaneItem} only. */
export class Lane {
  readonly key: string;
  first: LaneItem | null = null;
  last: LaneItem | null = null;
  /** Since when its items fail, ms since the epoch; `null`: the last one that came to a decision did not. */
  failingSinceMs: number | null = null;

  constructor(key: string) {
    this.key = key;
  }

  push(item: LaneItem): void {
    if (this.last === null) this.first = item;
    else this.last.next = item;
    this.last = item;
  }

  /** At its place in the order of arrival. */
  insert(item: LaneItem): void {
    let before: LaneItem | null = null;
    for (let one = this.first; one !== null && one.sequence < item.sequence; one = one.next) before = one;
    item.next = before === null ? this.first : before.next;
    if (before === null) this.first = item;
    else before.next = item;
    if (item.next === null) this.last = item;
  }

  shift(): LaneItem {
    const item = this.first as LaneItem;
    this.first = item.next;
    if (item.next === null) this.last = null;
    item.next = null;
    return item;
  }
}

const sequenceOf = (lane: Lane | undefined): number => lane?.first?.sequence ?? Number.POSITIVE_INFINITY;

/** Lanes that are ready, the one whose first item arrived earliest on top: a binary heap. */
class ReadyLanes {
  readonly #heap: Lane[] = [];

  get sequence(): number {
    return sequenceOf(this.#heap[0]);
  }

  push(lane: Lane): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(lane);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (sequenceOf(heap[parent]) <= sequenceOf(lane)) break;
      heap[at] = heap[parent] as Lane;
      at = parent;
    }
    heap[at] = lane;
  }

  pop(): Lane {
    const heap = this.#heap;
    const top = heap[0] as Lane;
    const last = heap.pop() as Lane;
    if (heap.length > 0) this.#siftDown(last);
    return top;
  }

  #siftDown(lane: Lane): void {
    const heap = this.#heap;
    const sequence = sequenceOf(lane);
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && sequenceOf(heap[child + 1]) < sequenceOf(heap[child])) child += 1;
      if (sequence <= sequenceOf(heap[child])) break;
      heap[at] = heap[child] as Lane;
      at = child;
    }
    heap[at] = lane;
  }
}

/**
 * Runs items with bounded concurrency, those of one key strictly one after another in order of arrival; items without a
 * key run as places are free. Among what is ready, the item that arrived first goes first: it keeps the hottest key
 * running all the time, which is what bounds the whole, and starves no key.
 */
export class KeyLanes<Item extends LaneItem> {
  readonly #run: (item: Item) => void;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that have work and are not running. */
  readonly #ready = new ReadyLanes();
  /** Items without a key, in order of arrival. */
  readonly #keyless = new Lane('');
  #concurrency: number;
  #running = 0;
  #waiting = 0;
  #aside = 0;
  #sequence = 0;
  #isFilling = false;
  #idleWaiters: (() => void)[] = [];

  /** `run` starts an item and does not throw; its end is told by `finish`, from inside `run` or at any time later. */
  constructor(concurrency: number, run: (item: Item) => void) {
    this.#concurrency = concurrency;
    this.#run = run;
  }

  get running(): number {
    return this.#running;
  }

  /** Places in which nothing runs. */
  get free(): number {
    return Math.max(0, this.#concurrency - this.#running);
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Takes effect as items finish; running ones are not touched. */
  setConcurrency(concurrency: number): void {
    this.#concurrency = concurrency;
    this.#fill();
  }

  push(item: Item): void {
    this.#sequence += 1;
    this.#waiting += 1;
    item.sequence = this.#sequence;
    if (item.key === null) this.#keyless.push(item);
    else if (!this.#pushKeyed(item, item.key)) return;
    this.#fill();
  }

  /** True if the item may run now; otherwise one of its key is before it. */
  #pushKeyed(item: Item, key: string): boolean {
    const present = this.#lanes.get(key);
    const lane = present ?? new Lane(key);
    item.lane = lane;
    lane.push(item);
    if (present !== undefined) return false;
    this.#lanes.set(key, lane);
    this.#ready.push(lane);
    return true;
  }

  /** The item has ended; to be called once for each that was started. */
  finish(item: Item): void {
    const { lane } = item;
    if (item.hasPlace) this.#running -= 1;
    else this.#aside -= 1;
    item.hasPlace = false;
    if (lane !== null) {
      item.lane = null;
      if (lane.first !== null) this.#ready.push(lane);
      else this.#lanes.delete(lane.key);
    }
    this.#fill();
    if (this.#isIdle) this.#tellIdle();
  }

  /** The one that comes after the running item of its key; `null`: none has arrived. */
  after(item: Item): Item | null {
    return (item.lane?.first ?? null) as Item | null;
  }

  /** A running item gives its place to others until it is taken up or ends; those of its key stay behind it. Idempotent. */
  setAside(item: Item): void {
    if (!item.hasPlace) return;
    item.hasPlace = false;
    this.#running -= 1;
    this.#aside += 1;
    this.#fill();
  }

  /** The item waits for a place again, before everything that arrived after it. */
  takeUp(item: Item): void {
    this.#aside -= 1;
    this.#waiting += 1;
    const { lane } = item;
    (lane ?? this.#keyless).insert(item);
    if (lane !== null) this.#ready.push(lane);
    this.#fill();
  }

  get #isIdle(): boolean {
    return this.#running === 0 && this.#waiting === 0 && this.#aside === 0;
  }

  /** Resolves when nothing runs, waits or is set aside. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #fill(): void {
    // An item that ends at once comes back here: the loop below goes on instead of a deeper stack.
    if (this.#isFilling) return;
    this.#isFilling = true;
    try {
      while (this.#running < this.#concurrency && this.#waiting > 0) {
        const item = this.#takeEarliest();
        if (item === null) break;
        this.#waiting -= 1;
        this.#running += 1;
        item.hasPlace = true;
        this.#run(item as Item);
      }
    } finally {
      this.#isFilling = false;
    }
  }

  /** The ready item that arrived first; `null` if all that wait are behind one of their key. */
  #takeEarliest(): LaneItem | null {
    const keyed = this.#ready.sequence;
    const keyless = sequenceOf(this.#keyless);
    if (keyless < keyed) return this.#keyless.shift();
    return keyed === Number.POSITIVE_INFINITY ? null : this.#ready.pop().shift();
  }

  #tellIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
