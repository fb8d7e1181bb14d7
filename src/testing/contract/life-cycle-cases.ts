import assert from 'node:assert/strict';
import { createRecorder } from '../recorder.js';
import type { ContractCase } from './contract-case.js';
import { createGate, type Gate } from './gate.js';
import { allCan } from './needs.js';
import { rejectionOf } from './rejection-of.js';
import { openScene, record, watch } from './scene.js';
import { untilHolds } from './until-holds.js';

/** Longest time in which a consumer that is not fed may look healthy, ms. */
const NOTICE_MS = 30_000;

/** Starting, stopping, and what comes between. */
export const lifeCycleCases: readonly ContractCase[] = [
  {
    id: 'C29',
    title: 'starting twice is safe, and a consumer can be added inside a handler',
    async run(rig) {
      const added = createRecorder<string>('added consumers');
      const scene = await openScene(rig, {
        start: 'none',
        consumer: {
          handle: async ({ id }) => {
            if (id !== 'first') return;
            await scene.bus.addConsumer(other.consumer);
            added.add(other.consumer.name);
          },
        },
      });
      const { bus, topic, consumer, handled } = scene;
      const other = watch(rig, topic);
      await Promise.all([bus.start(), bus.start()]);
      const control = bus.consumer(consumer.name);
      await Promise.all([control.start(), control.start()]);
      await bus.publish(topic, {}, { id: 'first', key: 'k' });
      await added.atLeast(1);
      await bus.publish(topic, {}, { id: 'second', key: 'k' });
      await Promise.all([
        handled.first(({ id }) => id === 'second'),
        other.handled.first(({ id }) => id === 'second'),
      ]);
      assert.deepEqual(
        handled.items.map(({ id }) => id),
        ['first', 'second'],
      );
      assert.equal((await rejectionOf(bus.addConsumer(consumer))).code, 'BC_DEFINITION_INVALID');
    },
  },
  {
    id: 'C49',
    title:
      'stop waits for handlers until its deadline, cancelling is no failure, and the consumer starts again',
    async run(rig) {
      const runs = createRecorder<{ run: string; gate: Gate }>('runs');
      const { bus, topic, consumer, handled } = await openScene(rig, {
        consumer: {
          handle: async ({ id }, { attempt }) => {
            const gate = createGate();
            runs.add({ run: `${id} ${attempt}`, gate });
            await gate.opened;
          },
        },
      });
      const control = bus.consumer(consumer.name);
      const [failed, stopped] = [record(bus, 'attempt-failed'), record(bus, 'consumer-stopped')];
      const openLast = (): void => runs.items.at(-1)?.gate.open();

      await bus.publish(topic, {}, { id: 'patient' });
      await runs.atLeast(1);
      let state = 'waits';
      const stopping = control.stop({ deadlineMs: 20_000 }).then(() => {
        state = 'stopped';
      });
      await untilHolds('the leg drains', () => control.status().legs[rig.feed.name]?.state !== 'live');
      assert.equal(state, 'waits');
      openLast();
      await stopping;
      assert.deepEqual(
        handled.items.map(({ id }) => id),
        ['patient'],
      );

      await control.start();
      await bus.publish(topic, {}, { id: 'cancelled' });
      await runs.atLeast(2);
      await control.stop({ deadlineMs: 50 });
      assert.deepEqual(
        stopped.items.map(({ unsettled }) => unsettled),
        [0, 1],
      );
      await control.start();
      await runs.atLeast(3);
      openLast();
      await handled.first(({ id }) => id === 'cancelled');
      assert.deepEqual(
        runs.items.map(({ run }) => run),
        ['patient 1', 'cancelled 1', 'cancelled 1'],
      );
      assert.deepEqual(failed.items, []);
    },
  },
  {
    id: 'C56',
    title: 'a consumer whose queue or topic is taken away turns health red, and recovers when it is back',
    needs: [allCan('removeFeed')],
    timeoutMs: 120_000,
    async run(rig) {
      const { bus, topic, consumer, handled } = await openScene(rig);
      await bus.publish(topic, {}, { id: 'before' });
      await handled.atLeast(1);
      const health = () => bus.health();
      // The leg that drains the other broker connects in the background.
      await untilHolds('health is green', () => health().ok, NOTICE_MS);
      const removed = await rig.feed.does.removeFeed(consumer);
      let wasRed = false;
      const offs = ['consumer-failed', 'consumer-started'] as const;
      for (const name of offs) bus.on(name, () => (wasRed ||= !health().ok));
      await untilHolds('health is red, or was', () => wasRed || !health().ok, NOTICE_MS);
      await removed.remove();
      await untilHolds('health is green again', () => health().ok, NOTICE_MS);
      await bus.publish(topic, {}, { id: 'after' });
      await handled.first(({ id }) => id === 'after');
    },
  },
];
