import assert from 'node:assert/strict';
import type { MessageBus } from '../../contract/message-bus.js';
import { createRecorder } from '../recorder.js';
import type { ContractCase } from './contract-case.js';
import type { RigBroker } from './contract-rig.js';
import { allCan } from './needs.js';
import { openScene, record } from './scene.js';
import { idsFrom, idsOf, publishAllForSure } from './series.js';

/** Ends a broker, waits until the bus has noticed, and starts it again. */
async function restart(bus: MessageBus, broker: RigBroker): Promise<void> {
  const lost = record(bus, 'broker-lost');
  await broker.does.kill();
  await lost.first((event) => event.broker === broker.name);
  await broker.does.restart();
}

/** Brokers that die and come back while messages flow. */
export const outageCases: readonly ContractCase[] = [
  {
    id: 'C65',
    title: 'with a broker killed and restarted at a third and at half of 10,000 messages, sent is received',
    needs: [allCan('kill', 'restart')],
    timeoutMs: 180_000,
    async run(rig) {
      const { bus, topic, handled } = await openScene(rig);
      for (const broker of rig.brokers) await broker.placesAreSafe();
      const ids = idsFrom(10_000);
      const stored = createRecorder<string>('stored messages');
      const publishing = publishAllForSure(bus, topic, { ids, inFlight: 200, stored });
      for (const [index, share] of [1 / 3, 1 / 2].entries()) {
        await stored.atLeast(Math.floor(ids.length * share), 60_000);
        await restart(bus, rig.brokers[index % rig.brokers.length] ?? assert.fail());
      }
      await publishing;
      await handled.atLeast(ids.length, 60_000);
      assert.deepEqual(idsOf(handled.items), ids);
    },
  },
  {
    id: 'C66',
    title: 'with brokers gone one by one to none and back again, sent is received',
    needs: [allCan('cut')],
    timeoutMs: 120_000,
    async run(rig) {
      const { bus, topic, handled } = await openScene(rig);
      const [lost, back] = [record(bus, 'broker-lost'), record(bus, 'broker-recovered')];
      const ids = idsFrom(2_000);
      const stored = createRecorder<string>('stored messages');
      const publishing = publishAllForSure(bus, topic, { ids, inFlight: 100, stored });
      await stored.atLeast(ids.length / 4);
      const cuts = [];
      for (const broker of rig.brokers) {
        cuts.push({ broker, cut: await broker.does.cut() });
        await lost.first((event) => event.broker === broker.name);
      }
      for (const { broker, cut } of cuts) {
        await cut.remove();
        await back.first((event) => event.broker === broker.name);
      }
      await publishing;
      await handled.atLeast(ids.length, 60_000);
      assert.deepEqual(idsOf(handled.items), ids);
    },
  },
];
