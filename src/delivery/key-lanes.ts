/** What waits in lanes; it knows its place in the order of arrival. */
interface Waiting<Item> {
  readonly item: Item;
  readonly sequence: number;
}

/** Items of one key, the first of which may run. */
class Lane<Item> {
  /** `null`: the lane of a single item without a key. */
  readonly key: string | null;
  readonly waiting: Waiting<Item>[] = [];
  /** Index of the first waiting item; shifting an array costs more. */
  first = 0;

  constructor(key: string | null) {
    this.key = key;
  }

  get head(): Waiting<Item> | undefined {
    return this.waiting[this.first];
  }

  take(): Waiting<Item> {
    const head = this.waiting[this.first] as Waiting<Item>;
    this.first += 1;
    if (this.first === this.waiting.length) {
      this.waiting.length = 0;
      this.first = 0;
    } else if (this.first > 64) {
      this.waiting.splice(0, this.first);
      this.first = 0;
    }
    return head;
  }
}

/** A free place to run in; its callback is made once, not per item. */
interface Slot<Item> {
  lane: Lane<Item> | null;
  readonly finish: () => void;
}

/** Runs one item. It must not reject or throw. */
export type RunItem<Item> = (item: Item) => void | Promise<void>;

/**
 * Runs items with bounded concurrency, those of one key strictly one after another in order of arrival; items without a
 * key run as places are free. Among keys that are ready, the one whose head arrived first goes first: it keeps the
 * hottest key running all the time, which is what bounds the whole.
 */
export class KeyLanes<Item> {
  readonly #run: RunItem<Item>;
  readonly #lanes = new Map<string, Lane<Item>>();
  /** Binary heap of lanes that have work and are not running, by the sequence of their heads. */
  readonly #ready: Lane<Item>[] = [];
  readonly #free: Slot<Item>[] = [];
  #concurrency: number;
  #running = 0;
  #waiting = 0;
  #sequence = 0;
  #isFilling = false;
  #idleWaiters: (() => void)[] = [];

  constructor(concurrency: number, run: RunItem<Item>) {
    this.#concurrency = concurrency;
    this.#run = run;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Takes effect as items finish; running ones are not touched. */
  setConcurrency(concurrency: number): void {
    this.#concurrency = concurrency;
    this.#fill();
  }

  push(key: string | null, item: Item): void {
    this.#sequence += 1;
    this.#waiting += 1;
    const waiting = { item, sequence: this.#sequence };
    const busy = key === null ? undefined : this.#lanes.get(key);
    if (busy !== undefined) {
      busy.waiting.push(waiting); // its lane is ready or running already
      return;
    }
    const lane = new Lane<Item>(key);
    lane.waiting.push(waiting);
    if (key !== null) this.#lanes.set(key, lane);
    this.#pushReady(lane);
    this.#fill();
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.#running === 0 && this.#waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #fill(): void {
    // An item that ends at once comes back here: the loop below goes on instead of a deeper stack.
    if (this.#isFilling) return;
    this.#isFilling = true;
    while (this.#running < this.#concurrency && this.#ready.length > 0) this.#start(this.#popReady());
    this.#isFilling = false;
  }

  #start(lane: Lane<Item>): void {
    const { item } = lane.take();
    this.#waiting -= 1;
    this.#running += 1;
    const slot = this.#free.pop() ?? this.#makeSlot();
    slot.lane = lane;
    const result = this.#run(item);
    if (result === undefined) slot.finish();
    else void result.then(slot.finish);
  }

  #makeSlot(): Slot<Item> {
    const slot: Slot<Item> = { lane: null, finish: () => this.#finished(slot) };
    return slot;
  }

  #finished(slot: Slot<Item>): void {
    const lane = slot.lane as Lane<Item>;
    slot.lane = null;
    this.#free.push(slot);
    this.#running -= 1;
    if (lane.head !== undefined) this.#pushReady(lane);
    else if (lane.key !== null) this.#lanes.delete(lane.key);
    this.#fill();
    if (this.#running === 0 && this.#waiting === 0) this.#tellIdle();
  }

  #tellIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #pushReady(lane: Lane<Item>): void {
    const heap = this.#ready;
    let at = heap.length;
    heap.push(lane);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (sequenceOf(heap[parent]) <= sequenceOf(lane)) break;
      heap[at] = heap[parent] as Lane<Item>;
      at = parent;
    }
    heap[at] = lane;
  }

  #popReady(): Lane<Item> {
    const heap = this.#ready;
    const top = heap[0] as Lane<Item>;
    const last = heap.pop() as Lane<Item>;
    if (heap.length > 0) this.#siftDown(last);
    return top;
  }

  #siftDown(lane: Lane<Item>): void {
    const heap = this.#ready;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && sequenceOf(heap[child + 1]) < sequenceOf(heap[child])) child += 1;
      if (sequenceOf(lane) <= sequenceOf(heap[child])) break;
      heap[at] = heap[child] as Lane<Item>;
      at = child;
    }
    heap[at] = lane;
  }
}

function sequenceOf(lane: Lane<unknown> | undefined): number {
  return lane?.head?.sequence ?? Number.POSITIVE_INFINITY;
}
