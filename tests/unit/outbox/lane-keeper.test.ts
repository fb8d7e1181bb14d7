import { expect, test } from '@jest/globals';
import { OUTBOX_LANES, type OutboxLane } from '../../../src/contract/outbox.js';
import { LaneKeeper } from '../../../src/outbox/lane-keeper.js';
import { memoryOutbox } from '../../../src/outbox/memory-outbox.js';
import { StoreWatch } from '../../../src/outbox/store-watch.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';

const clock = createFakeClock();
const outbox = memoryOutbox();

/** A keeper of the lanes of `kafka`, with what is under way decided by the test. */
function openKeeper(token: string, isBusy: (lane: OutboxLane) => boolean = () => false) {
  const taken: number[] = [];
  const keeper = new LaneKeeper({
    outbox,
    watch: new StoreWatch(clock, () => undefined),
    clock,
    token,
    brokers: ['kafka'],
    leaseMs: 10_000,
    isBusy,
    onTaken: (lanes) => taken.push(...lanes.map(({ lane }) => lane)),
  });
  keeper.start();
  return { keeper, taken };
}

test('a lane with rows under way is sent no further rows and given back when they are answered', async () => {
  let busy: number | null = OUTBOX_LANES - 1;
  const first = openKeeper('first', ({ lane }) => lane === busy);
  await clock.advance(0);
  expect(first.keeper.size).toBe(OUTBOX_LANES);
  const second = openKeeper('second');
  await clock.advance(10_000);
  const lane = { broker: 'kafka', lane: OUTBOX_LANES - 1 } as const;
  expect(first.keeper.holds(lane)).toBe(true);
  expect(first.keeper.lanesOf('kafka')).not.toContain(lane.lane);
  expect([first.keeper.size, second.keeper.size]).toEqual([9, 7]);
  busy = null;
  await clock.advance(5_000);
  expect(first.keeper.holds(lane)).toBe(false);
  expect(second.taken).toContain(lane.lane);
  expect([first.keeper.size, second.keeper.size]).toEqual([8, 8]);
  await Promise.all([first.keeper.stop(), second.keeper.stop()]);
});
