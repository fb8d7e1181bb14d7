import assert from 'node:assert/strict';
import { createRecorder } from '../recorder.js';
import type { ContractCase } from './contract-case.js';
import { createGate, type Gate } from './gate.js';
import { openScene } from './scene.js';
import { idsFrom, idsOf } from './series.js';
import { untilHolds } from './until-holds.js';

/** A handler whose every run waits to be let go, and which counts how many run at a time. */
function countingHandler() {
  const running = createRecorder<Gate>('running handlers');
  let isOpen = false;
  const counts = { now: 0, most: 0 };
  return {
    running,
    counts,
    async handle(): Promise<void> {
      const gate = createGate();
      counts.now += 1;
      counts.most = Math.max(counts.most, counts.now);
      running.add(gate);
      if (!isOpen) await gate.opened;
      counts.now -= 1;
    },
    /** Those that run and all to come. */
    openAll(): void {
      isOpen = true;
      for (const gate of running.items) gate.open();
    },
    openFrom(from: number, to: number): void {
      for (const gate of running.items.slice(from, to)) gate.open();
    },
  };
}

/** How many handlers run at a time. */
export const concurrencyCases: readonly ContractCase[] = [
  {
    id: 'C26',
    title: 'no more handlers run than the limit, which can be changed while they run; the last value wins',
    async run(rig) {
      const handlers = countingHandler();
      const { bus, topic, consumer, handled } = await openScene(rig, {
        consumer: { concurrency: 3, handle: handlers.handle },
      });
      const control = bus.consumer(consumer.name);
      const ids = idsFrom(30);
      await Promise.all(ids.map((id) => bus.publish(topic, {}, { id })));
      await handlers.running.atLeast(3);
      handlers.openFrom(0, 3);
      await handlers.running.atLeast(6);
      assert.equal(handlers.counts.most, 3);
      for (const concurrency of [5, 2, 7]) control.setConcurrency(concurrency);
      await handlers.running.atLeast(10);
      assert.deepEqual([handlers.counts.now, control.status().inFlight], [7, 7]);
      control.setConcurrency(2);
      handlers.counts.most = 0;
      for (let done = 3; done < ids.length; done += 1) {
        await handlers.running.atLeast(done + 1);
        handlers.openFrom(done, done + 1);
        await handled.atLeast(done + 1);
      }
      assert.equal(handlers.counts.most, 2);
      assert.deepEqual(idsOf(handled.items), ids);
      assert.throws(() => control.setConcurrency(0), { code: 'BC_DEFINITION_INVALID' });
    },
  },
  {
    id: 'C27',
    title: 'a saturated consumer that was paused half way goes on when it is resumed',
    async run(rig) {
      const handlers = countingHandler();
      const concurrency = 4;
      const { bus, topic, consumer, handled } = await openScene(rig, {
        consumer: { concurrency, handle: handlers.handle },
      });
      const control = bus.consumer(consumer.name);
      const ids = idsFrom(100);
      await Promise.all(ids.map((id) => bus.publish(topic, {}, { id })));
      await handlers.running.atLeast(concurrency);
      handlers.openFrom(0, concurrency / 2);
      await handled.atLeast(concurrency / 2);
      control.pause();
      assert.equal(control.status().state, 'paused');
      handlers.openAll();
      await untilHolds('everything taken is handled', () => control.status().inFlight === 0);
      assert.ok(handled.items.length < ids.length, 'a paused consumer takes nothing new');
      control.resume();
      await handled.atLeast(ids.length);
      assert.deepEqual(idsOf(handled.items), ids);
    },
  },
];
