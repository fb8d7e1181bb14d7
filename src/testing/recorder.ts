/** How long a recorder waits before it gives up, ms. */
const PATIENCE_MS = 20_000;

/** Records what happens and lets a test wait for it, instead of sleeping. */
export interface Recorder<Item> {
  /** Everything recorded, in order. */
  readonly items: readonly Item[];
  add(item: Item): void;
  /**
   * Resolves with everything recorded as soon as that is `count` items. Rejects after `patienceMs` (default 20,000 ms),
   * saying how many there were.
   */
  atLeast(count: number, patienceMs?: number): Promise<readonly Item[]>;
  /** Resolves with the first item, recorded already or still to come, that the test holds for. Rejects like `atLeast`. */
  first(holds: (item: Item) => boolean, patienceMs?: number): Promise<Item>;
}

interface Waiter {
  /** Looks again; true once it is answered. */
  look(): boolean;
}

/** Makes an empty recorder; `what` names the items in its errors (`handled messages`). */
export function createRecorder<Item>(what = 'items'): Recorder<Item> {
  const items: Item[] = [];
  let waiters: Waiter[] = [];

  const wait = <Found>(find: () => Found | undefined, wanted: string, patienceMs: number): Promise<Found> =>
    new Promise((resolve, reject) => {
      const giveUp = (): void => {
        waiters = waiters.filter((one) => one !== waiter);
        reject(
          new Error(`${items.length} ${what} were recorded within ${patienceMs} ms; expected: ${wanted}`),
        );
      };
      const timer = setTimeout(giveUp, patienceMs);
      const waiter: Waiter = {
        look: () => {
          const found = find();
          if (found === undefined) return false;
          clearTimeout(timer);
          resolve(found);
          return true;
        },
      };
      if (!waiter.look()) waiters.push(waiter);
    });

  return {
    items,
    add(item) {
      items.push(item);
      if (waiters.length > 0) waiters = waiters.filter((waiter) => !waiter.look());
    },
    atLeast: (count, patienceMs = PATIENCE_MS) =>
      wait(() => (items.length >= count ? [...items] : undefined), `at least ${count}`, patienceMs),
    first(holds, patienceMs = PATIENCE_MS) {
      let looked = 0;
      const find = (): { item: Item } | undefined => {
        for (; looked < items.length; looked += 1) {
          const item = items[looked] as Item;
          if (holds(item)) return { item };
        }
        return undefined;
      };
      return wait(find, 'one that fits', patienceMs).then(({ item }) => item);
    },
  };
}
