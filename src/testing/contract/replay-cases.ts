import assert from 'node:assert/strict';
import type { ContractCase } from './contract-case.js';
import type { ContractRig } from './contract-rig.js';
import { record, topicOf, watch } from './scene.js';
import { sharedInbox } from './shared-inbox.js';

/** How often a rig's letters may be replayed: the default of the configuration. */
const REPLAYS_MAX = 5;

/** A consumer that gives up what it fails on at once, a second one that does not fail, and a desk beside their bus. */
async function openReplayScene(rig: ContractRig) {
  const state = { isBroken: true };
  const topic = topicOf(rig);
  const failing = watch(rig, topic, {
    handle: () => {
      // Not worth a retry: what is given up at once leaves nothing else behind.
      if (state.isBroken) throw Object.assign(new Error('it is broken'), { retriable: false });
    },
  });
  const other = watch(rig, topic);
  // Bus and desk share it, as two processes would share a store.
  const inbox = sharedInbox();
  const options = { topics: [topic], consumers: [failing.consumer, other.consumer], inbox };
  const bus = await rig.openBus(options);
  const buried = record(bus, 'dead-lettered');
  await bus.start();
  return { state, topic, failing, other, bus, buried, desk: await rig.openDesk(options) };
}

/** Dead letters that are sent back. */
export const replayCases: readonly ContractCase[] = [
  {
    id: 'C34',
    title:
      'a dead letter is replayed once, to the consumer that failed on it, counted and with fresh attempts',
    timeoutMs: 60_000,
    async run(rig) {
      const { state, topic, failing, other, bus, buried, desk } = await openReplayScene(rig);
      await bus.publish(topic, { unit: 7 }, { id: 'bad', key: 'k', headers: { mine: 'kept' } });
      await buried.atLeast(1);
      state.isBroken = false;
      assert.deepEqual(
        [(await desk.replay()).end, (await desk.list()).letters.map(({ id }) => id)],
        ['preview', ['bad']],
      );
      const report = await desk.replay({ execute: true, by: 'ann' });
      assert.deepEqual([report.end, report.replayed, report.handled], ['done', 1, 1]);
      const again = await desk.replay({ execute: true });
      assert.deepEqual([again.matches, again.replayed], [0, 0]);
      await bus.publish(topic, {}, { id: 'after', key: 'k' });
      const handled = await failing.handled.atLeast(2);
      await other.handled.first(({ id }) => id === 'after');
      assert.deepEqual(
        [handled.map(({ id }) => id), other.handled.items.map(({ id }) => id)],
        [
          ['bad', 'after'],
          ['bad', 'after'],
        ],
      );
      const { data, key, headers, attempt } = handled[0] ?? assert.fail();
      assert.deepEqual([data, key, attempt, headers.mine], [{ unit: 7 }, 'k', 1, 'kept']);
      assert.deepEqual([headers['bc-replay-count'], headers['bc-replayed-by']], ['1', 'ann']);
      assert.ok(!Object.hasOwn(headers, 'bc-reason'), 'nothing of its death is left');
    },
  },
  {
    id: 'C34b',
    title: 'a message that dies again and again is replayed as often as is allowed, and then refused',
    timeoutMs: 90_000,
    async run(rig) {
      const { topic, failing, bus, buried, desk } = await openReplayScene(rig);
      await bus.publish(topic, {}, { id: 'bad' });
      for (let replays = 0; replays < REPLAYS_MAX; replays += 1) {
        await buried.atLeast(replays + 1);
        const report = await desk.replay({ execute: true });
        assert.deepEqual([report.end, report.replayed, report.diedAgain], ['stopped', 1, 1]);
      }
      await buried.atLeast(REPLAYS_MAX + 1);
      const refused = await desk.replay({ execute: true });
      assert.deepEqual(
        [refused.replayed, refused.refused.map(({ why, letters }) => [why, letters])],
        [0, [['replayed-too-often', 1]]],
      );
      const { letters } = await desk.list();
      assert.deepEqual(
        letters.map(({ id, replayCount }) => [id, replayCount]),
        [['bad', REPLAYS_MAX]],
      );
      assert.deepEqual(failing.handled.items, []);
    },
  },
];
