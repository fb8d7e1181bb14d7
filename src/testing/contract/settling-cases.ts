import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { createRecorder } from '../recorder.js';
import type { ContractCase } from './contract-case.js';
import { createGate } from './gate.js';
import { hasSessions } from './needs.js';
import { openScene, record, topicOf, watch } from './scene.js';
import { idsFrom, idsOf } from './series.js';
import { untilWaiting } from './until-waiting.js';

/** When a message is let go of. */
export const settlingCases: readonly ContractCase[] = [
  {
    id: 'C24',
    title: 'messages finished out of order never settle one that is not, and a restart delivers it again',
    async run(rig) {
      const topic = topicOf(rig, { kafka: { partitions: 1 } });
      const never = createGate();
      rig.onClose(never.open);
      const first = watch(rig, topic, { handle: ({ id }) => (id === 'm000003' ? never.opened : undefined) });
      const { name, group } = first.consumer;
      const ids = idsFrom(10);
      const bus = await rig.openBus({ topics: [topic], consumers: [first.consumer], inbox: null });
      await bus.start();
      for (const id of ids) await bus.publish(topic, {}, { id });
      await first.handled.atLeast(ids.length - 1);
      assert.deepEqual(await bus.close({ deadlineMs: 500 }), { publishes: 0, deliveries: 1 });
      const again = rig.feed.capabilities.settlesSingly ? ids.slice(3, 4) : ids.slice(3);
      await untilWaiting(rig.feed, first.consumer, again.length);

      const second = watch(rig, topic, { name, group, concurrency: 1 });
      const restarted = await rig.openBus({ topics: [topic], consumers: [second.consumer], inbox: null });
      await restarted.start();
      await restarted.publish(topic, {}, { id: 'after' });
      await second.handled.first(({ id }) => id === 'after');
      assert.deepEqual(
        second.handled.items.map(({ id }) => id),
        [...again, 'after'],
      );
    },
  },
  {
    id: 'C25',
    title: 'nothing is settled before its handler has ended, and a synchronous throw is a failed attempt',
    async run(rig) {
      const topic = topicOf(rig);
      const running = createRecorder<string>('running handlers');
      const never = createGate();
      rig.onClose(never.open);
      const first = watch(rig, topic, {
        handle: async ({ id }) => {
          running.add(id);
          await never.opened;
        },
      });
      const { name, group } = first.consumer;
      const bus = await rig.openBus({ topics: [topic], consumers: [first.consumer], inbox: null });
      await bus.start();
      await bus.publish(topic, {}, { id: 'running' });
      await running.atLeast(1);
      assert.deepEqual(await bus.close({ deadlineMs: 0 }), { publishes: 0, deliveries: 1 });
      await untilWaiting(rig.feed, first.consumer, 1);

      const second = watch(rig, topic, {
        name,
        group,
        handle: (_, { attempt }) => {
          if (attempt === 1) throw new TypeError('thrown, not rejected');
        },
      });
      const restarted = await rig.openBus({ topics: [topic], consumers: [second.consumer], inbox: null });
      const failed = record(restarted, 'attempt-failed');
      await restarted.start();
      await second.handled.atLeast(1);
      assert.deepEqual(
        failed.items.map(({ attempt, willRetry }) => ({ attempt, willRetry })),
        [{ attempt: 1, willRetry: true }],
      );
      await restarted.close();
      await untilWaiting(rig.feed, second.consumer, 0);
    },
  },
  {
    id: 'C28',
    title: 'a handler past its deadline is interrupted and run once more, and its late end changes nothing',
    async run(rig) {
      const late = createGate();
      const signals: AbortSignal[] = [];
      const { bus, topic, consumer, handled } = await openScene(rig, {
        consumer: {
          timeoutMs: 300,
          handle: async (_, { attempt, signal }) => {
            signals.push(signal);
            if (attempt === 1) await late.opened;
          },
        },
        bus: { inbox: null },
      });
      const failed = record(bus, 'attempt-failed');
      await bus.publish(topic, {}, { id: 'slow', key: 'k' });
      await handled.first(({ attempt }) => attempt === 2);
      assert.deepEqual(
        signals.map(({ aborted }) => aborted),
        [true, false],
      );
      late.open();
      await handled.first(({ attempt }) => attempt === 1);
      await bus.publish(topic, {}, { id: 'after', key: 'k' });
      await handled.first(({ id }) => id === 'after');
      assert.deepEqual(
        failed.items.map(({ error }) => (error as { code?: unknown }).code),
        ['BC_HANDLER_TIMEOUT'],
      );
      assert.equal(handled.items.filter(({ id }) => id === 'slow').length, 2);
      await bus.close();
      await untilWaiting(rig.feed, consumer, 0);
    },
  },
  {
    id: 'C28b',
    title: 'a handler that takes longer than the session of its group keeps its message',
    needs: [hasSessions],
    async run(rig) {
      const { sessionMs = 0 } = rig.feed;
      const { bus, topic, consumer, handled } = await openScene(rig, {
        consumer: { handle: ({ id }) => (id === 'slow' ? delay(2.5 * sessionMs) : undefined) },
        bus: { inbox: null },
      });
      await bus.publish(topic, {}, { id: 'slow', key: 'k' });
      await bus.publish(topic, {}, { id: 'next', key: 'k' });
      await handled.atLeast(2);
      assert.deepEqual(
        handled.items.map(({ id, attempt }) => `${id} ${attempt}`),
        ['slow 1', 'next 1'],
      );
      await bus.close();
      await untilWaiting(rig.feed, consumer, 0);
      assert.deepEqual(idsOf(handled.items), ['next', 'slow']);
    },
  },
];
