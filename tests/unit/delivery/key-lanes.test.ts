import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeyLanes, type Lane, type LaneItem } from '../../../src/delivery/key-lanes.js';
import { createSeededRandom } from '../../../src/testing/seeded-random.js';

class Item implements LaneItem {
  readonly key: string | null;
  readonly index: number;
  lane: Lane | null = null;
  next: LaneItem | null = null;
  sequence = 0;
  hasPlace = false;

  constructor(key: string | null, index: number) {
    this.key = key;
    this.index = index;
  }
}

/** Lanes whose items end when the test says so. */
function heldLanes(concurrency: number) {
  const running: Item[] = [];
  const started: Item[] = [];
  const lanes = new KeyLanes<Item>(concurrency, (item) => {
    running.push(item);
    started.push(item);
  });
  const finish = (item: Item): void => {
    running.splice(running.indexOf(item), 1);
    lanes.finish(item);
  };
  return { lanes, running, started, finish };
}

const keys = fc.option(fc.constantFrom('', 'a', 'b', 'c', '__proto__', 'constructor'), { nil: null });
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: keys.map((key) => ({ kind: 'push' as const, key })) },
    { weight: 3, arbitrary: fc.nat(100).map((pick) => ({ kind: 'finish' as const, pick })) },
    { weight: 2, arbitrary: fc.nat(100).map((pick) => ({ kind: 'aside' as const, pick })) },
    { weight: 2, arbitrary: fc.nat(100).map((pick) => ({ kind: 'up' as const, pick })) },
    { weight: 1, arbitrary: fc.nat(100).map((pick) => ({ kind: 'end aside' as const, pick })) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 1, max: 6 }).map((limit) => ({ kind: 'limit' as const, limit })),
    },
  ),
  { maxLength: 120 },
);

/** What ought to run next: of those whose key is free, the one that came first. */
function nextOf(waiting: readonly Item[], begun: readonly Item[]): Item | undefined {
  return waiting.find(
    (item) =>
      item.key === null ||
      (!begun.some(({ key }) => key === item.key) && waiting.find(({ key }) => key === item.key) === item),
  );
}

test('runs what a naive model runs, whatever is pushed, finished, set aside, taken up and limited in whichever order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), steps, (concurrency, actions) => {
      const { lanes, running, started, finish } = heldLanes(concurrency);
      let limit = concurrency;
      const model = {
        waiting: [] as Item[],
        running: [] as Item[],
        aside: [] as Item[],
        started: [] as Item[],
      };
      const next = () => nextOf(model.waiting, [...model.running, ...model.aside]);
      const take = (from: Item[], pick: number): Item => from.splice(pick % from.length, 1)[0] as Item;
      const fill = (): void => {
        for (let item = next(); item && model.running.length < limit; ) {
          model.waiting.splice(model.waiting.indexOf(item), 1);
          model.running.push(item);
          model.started.push(item);
          item = next();
        }
      };
      actions.forEach((action, index) => {
        if (action.kind === 'push') {
          const item = new Item(action.key, index);
          model.waiting.push(item);
          lanes.push(item);
        } else if (action.kind === 'limit') {
          limit = action.limit;
          lanes.setConcurrency(limit);
        } else if (action.kind === 'up' && model.aside.length > 0) {
          const item = take(model.aside, action.pick);
          model.waiting.push(item);
          model.waiting.sort((one, other) => one.index - other.index);
          lanes.takeUp(item);
        } else if (action.kind === 'end aside' && model.aside.length > 0) {
          lanes.finish(take(model.aside, action.pick));
        } else if (action.kind === 'aside' && running.length > 0) {
          const item = take(running, action.pick);
          model.running.splice(model.running.indexOf(item), 1);
          model.aside.push(item);
          lanes.setAside(item);
        } else if (action.kind === 'finish' && running.length > 0) {
          const item = running[action.pick % running.length] as Item;
          model.running.splice(model.running.indexOf(item), 1);
          finish(item);
        }
        fill();
        expect(started.map((item) => item.index)).toEqual(model.started.map((item) => item.index));
        expect(lanes.running).toBe(model.running.length);
        expect(lanes.waiting).toBe(model.waiting.length);
      });
    }),
    { numRuns: 500, seed: 20_260_101 },
  );
});

test('runs a million items that end at once without a deeper stack, in order', () => {
  let last = -1;
  let inOrder = true;
  const lanes: KeyLanes<Item> = new KeyLanes<Item>(1, (item) => {
    inOrder &&= item.index === last + 1;
    last = item.index;
    lanes.finish(item);
  });
  for (let index = 0; index < 1_000_000; index += 1)
    lanes.push(new Item(index % 3 === 0 ? null : 'hot', index));
  expect({ inOrder, last }).toEqual({ inOrder: true, last: 999_999 });
});

test('an item that pushes others while it runs keeps order and bound', () => {
  const started: number[] = [];
  const lanes: KeyLanes<Item> = new KeyLanes<Item>(1, (item) => {
    started.push(item.index);
    if (item.index < 3) {
      lanes.push(new Item('a', item.index + 10));
      lanes.push(new Item(null, item.index + 20));
    }
    lanes.finish(item);
  });
  lanes.push(new Item('a', 1));
  lanes.push(new Item('a', 2));
  expect(started).toEqual([1, 11, 21, 2, 12, 22]);
});

test('tells that it is idle only when nothing runs and nothing waits', async () => {
  const { lanes, running, finish } = heldLanes(1);
  await lanes.idle();
  lanes.push(new Item('a', 0));
  lanes.push(new Item('a', 1));
  let isIdle = false;
  const idle = lanes.idle().then(() => {
    isIdle = true;
  });
  finish(running[0] as Item);
  await Promise.resolve();
  await Promise.resolve();
  expect(isIdle).toBe(false);
  finish(running[0] as Item);
  await idle;
});

test('a lowered limit waits for running items and a raised one starts waiting items at once', () => {
  const { lanes, running, finish } = heldLanes(3);
  for (let index = 0; index < 10; index += 1) lanes.push(new Item(null, index));
  lanes.setConcurrency(1);
  expect(running.length).toBe(3);
  finish(running[0] as Item);
  finish(running[0] as Item);
  expect(running.length).toBe(1);
  lanes.setConcurrency(5);
  expect(running.length).toBe(5);
});

/** Runs items of one virtual second each and returns how long all took, in those seconds. */
function makespan(keysInOrder: readonly string[], concurrency: number): number {
  const { lanes, running, finish } = heldLanes(concurrency);
  keysInOrder.forEach((key, index) => {
    lanes.push(new Item(key, index));
  });
  let seconds = 0;
  while (lanes.running > 0) {
    seconds += 1;
    for (const item of [...running]) finish(item);
  }
  return seconds;
}

test('keeps the hottest key running: at least 97 % of the bound for uniform and skewed keys', () => {
  const random = createSeededRandom(7);
  const uniform = Array.from({ length: 20_000 }, () => `key-${Math.floor(random() * 200)}`);
  const skewed = Array.from({ length: 20_000 }, () => `key-${Math.floor(200 * random() ** 4)}`);
  for (const arrivals of [uniform, skewed]) {
    const counts = new Map<string, number>();
    for (const key of arrivals) counts.set(key, (counts.get(key) ?? 0) + 1);
    const bound = Math.max(Math.max(...counts.values()), Math.ceil(arrivals.length / 16));
    expect(bound / makespan(arrivals, 16)).toBeGreaterThanOrEqual(0.97);
  }
});
