import assert from 'node:assert/strict';
import { createRecorder } from '../recorder.js';
import type { ContractCase } from './contract-case.js';
import { twoBrokers } from './needs.js';
import { openScene, record, topicOf, watch } from './scene.js';
import { sharedInbox } from './shared-inbox.js';
import { untilWaiting } from './until-waiting.js';

/** One run of a handler, and when it was, by the clock of due times, which counts whole ms. */
interface Run {
  readonly id: string;
  readonly attempt: number;
  readonly broker: string;
  readonly atMs: number;
}

const createRuns = () => createRecorder<Run>('runs');

/** Fails if a run came before its delay after the one before was over. */
function assertNotEarly(before: Run | undefined, after: Run | undefined, delayMs: number): void {
  assert.ok(before !== undefined && after !== undefined, 'both runs happened');
  const tookMs = after.atMs - before.atMs;
  assert.ok(tookMs >= delayMs, `${after.id} came back after ${tookMs} ms, before its ${delayMs} ms`);
}

/** Messages that are tried again later. */
export const retryCases: readonly ContractCase[] = [
  {
    id: 'C30',
    title: 'attempts count on through deferred retries and a restart, and no retry comes early',
    timeoutMs: 90_000,
    async run(rig) {
      const topic = topicOf(rig);
      const inbox = sharedInbox();
      const runs = createRuns();
      const { consumer } = watch(rig, topic, {
        retry: { inline: { attempts: 2, backoff: { initialMs: 1 } }, deferred: [300, 600] },
        handle: ({ id }, { attempt, broker }) => {
          runs.add({ id, attempt, broker, atMs: Date.now() });
          if (attempt < 6) throw new Error('not yet');
        },
      });
      const bus = await rig.openBus({ topics: [topic], consumers: [consumer], inbox });
      const [stored, buried] = [record(bus, 'retry-stored'), record(bus, 'dead-lettered')];
      await bus.start();
      await bus.publish(topic, { unit: 7 }, { id: 'late', key: 'k', headers: { mine: 'kept' } });
      await stored.atLeast(1);
      await bus.close();
      assert.deepEqual([runs.items.length, buried.items], [2, []]);

      const restarted = await rig.openBus({ topics: [topic], consumers: [consumer], inbox });
      await restarted.start();
      await runs.atLeast(6);
      assert.deepEqual(
        runs.items.map(({ attempt }) => attempt),
        [1, 2, 3, 4, 5, 6],
      );
      assertNotEarly(runs.items[1], runs.items[2], 300);
      assertNotEarly(runs.items[3], runs.items[4], 600);
      await restarted.close();
      await untilWaiting(rig.feed, consumer, 0);
      assert.deepEqual(await rig.feed.readDeadLetters(consumer), []);
    },
  },
  {
    id: 'C30b',
    title: 'attempts count on when the consumer moves, whose former broker runs what was put off there',
    needs: [twoBrokers],
    timeoutMs: 90_000,
    async run(rig) {
      const runs = createRuns();
      const { bus, topic, consumer } = await openScene(rig, {
        consumer: {
          retry: { inline: { attempts: 1 }, deferred: [300, 600] },
          handle: ({ id }, { attempt, broker }) => {
            runs.add({ id, attempt, broker, atMs: Date.now() });
            if (attempt < 3) throw new Error('not yet');
          },
        },
        bus: { inbox: sharedInbox() },
      });
      const [from, to] = [rig.feed, rig.brokers.find((one) => one !== rig.feed) ?? assert.fail()];
      const stored = record(bus, 'retry-stored');
      await bus.publish(topic, {}, { id: 'late', key: 'k' });
      await stored.atLeast(1);
      await bus.consumer(consumer.name).move(to.name);
      await runs.atLeast(3);
      // Where the second run was depends on which of move and delay was quicker; the last one was stored by then.
      assert.deepEqual(
        runs.items.map(({ attempt }) => attempt),
        [1, 2, 3],
      );
      assert.equal(runs.items[0]?.broker, from.name);
      assert.deepEqual(
        stored.items.map(({ attempt }) => attempt),
        [2, 3],
      );
      assertNotEarly(runs.items[0], runs.items[1], 300);
      assertNotEarly(runs.items[1], runs.items[2], 600);
    },
  },
  {
    id: 'C35',
    title:
      'retries of different delays do not hold one another up, come to their consumer alone, and never early',
    timeoutMs: 60_000,
    async run(rig) {
      const topic = topicOf(rig, { kafka: { partitions: 1 } });
      const runs = createRuns();
      const { consumer } = watch(rig, topic, {
        retry: { deferred: [200, 3_000] },
        handle: ({ id }, context) => {
          const { attempt, broker } = context;
          runs.add({ id, attempt, broker, atMs: Date.now() });
          if (attempt > 1) return undefined;
          return context.retry({ after: id.startsWith('long') ? 1_000 : 200 });
        },
      });
      const other = watch(rig, topic);
      const bus = await rig.openBus({ topics: [topic], consumers: [consumer, other.consumer] });
      await bus.start();
      const ids = ['long-0', 'long-1', 'long-2', 'short-0', 'short-1', 'short-2'];
      for (const id of ids) await bus.publish(topic, {}, { id, key: 'k' });
      await runs.atLeast(2 * ids.length);
      const first = runs.items.filter(({ attempt }) => attempt === 1);
      const again = runs.items.filter(({ attempt }) => attempt > 1);
      assert.deepEqual(
        again.map(({ id }) => id.split('-')[0]),
        ['short', 'short', 'short', 'long', 'long', 'long'],
      );
      for (const run of again) {
        const before = first.find(({ id }) => id === run.id);
        assertNotEarly(before, run, run.id.startsWith('long') ? 3_000 : 200);
      }
      await other.handled.atLeast(ids.length);
      await bus.publish(topic, {}, { id: 'short-last', key: 'k' });
      await runs.atLeast(2 * ids.length + 2);
      await other.handled.first(({ id }) => id === 'short-last');
      assert.equal(other.handled.items.length, ids.length + 1);
    },
  },
];
