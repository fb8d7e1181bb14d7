import assert from 'node:assert/strict';
import { PublishUncertainError } from '../../contract/publish-errors.js';
import type { ContractCase } from './contract-case.js';
import { allCan } from './needs.js';
import { outcomesWith, publishRejection } from './rejection-of.js';
import { openScene } from './scene.js';
import { idsFrom, idsOf, publishForSure } from './series.js';
import { untilStored, untilWaiting } from './until-waiting.js';

/** What publish answers when the broker's answer is late, or never comes. */
export const lostAnswerCases: readonly ContractCase[] = [
  {
    id: 'C10',
    title: 'publish stays pending until the broker has confirmed, and what is confirmed survives its death',
    needs: [allCan('holdReplies', 'kill', 'restart')],
    timeoutMs: 90_000,
    async run(rig) {
      for (const broker of rig.brokers) {
        const { bus, topic, consumer, handled } = await openScene(rig, {
          start: 'publish',
          bus: { feed: broker.name },
        });
        await broker.placesAreSafe();
        const held = await broker.does.holdReplies();
        let state = 'pending';
        const published = bus.publish(topic, { unit: 1 }, { id: 'kept' }).finally(() => {
          state = 'settled';
        });
        await held.happened;
        for (const one of rig.brokers) await untilStored(one, consumer, 1);
        assert.equal(state, 'pending', `stored on ${broker.product}, which has not said so`);
        await held.remove();
        assert.deepEqual(new Set(Object.values((await published).brokers)), new Set(['stored']));
        await broker.does.kill();
        await broker.does.restart();
        await untilStored(broker, consumer, 1);
        await bus.consumer(consumer.name).start();
        assert.deepEqual(idsOf(await handled.atLeast(1)), ['kept']);
        await bus.close();
      }
    },
  },
  {
    id: 'C12',
    title: 'a message that is stored while its acknowledgement is lost is reported as uncertain',
    needs: [allCan('loseReply')],
    async run(rig) {
      for (const broker of rig.brokers) {
        const { bus, topic, consumer } = await openScene(rig, { start: 'publish' });
        const fault = await broker.does.loseReply();
        const error = await publishRejection(bus.publish(topic, { unit: 1 }, { timeoutMs: 1_000 }));
        await fault.happened;
        assert.ok(error instanceof PublishUncertainError);
        assert.deepEqual(error.brokers, outcomesWith(rig.brokers, broker.name, 'uncertain'));
        assert.ok(error.retriable);
        assert.ok((await broker.waiting(consumer)) >= 1, 'it is stored');
        await bus.close();
      }
    },
  },
  {
    id: 'C15',
    title: 'repeating an uncertain publish with its id has one effect',
    needs: [allCan('loseReply')],
    async run(rig) {
      for (const broker of rig.brokers) {
        const { bus, topic, consumer, handled } = await openScene(rig, {
          start: 'publish',
          bus: { feed: broker.name },
        });
        const fault = await broker.does.loseReply();
        const first = { id: 'twice', key: 'k', timeoutMs: 1_000 };
        await publishRejection(bus.publish(topic, {}, first));
        await fault.happened;
        await bus.publish(topic, {}, { id: 'twice', key: 'k' });
        await bus.publish(topic, {}, { id: 'after', key: 'k' });
        await bus.consumer(consumer.name).start();
        await handled.first(({ id }) => id === 'after');
        assert.deepEqual(
          handled.items.map(({ id }) => id),
          ['twice', 'after'],
        );
        await bus.close();
      }
    },
  },
  {
    id: 'C17',
    title: 'when one of many concurrent publishes loses its answer, no acknowledged message is lost',
    needs: [allCan('loseReply')],
    timeoutMs: 60_000,
    async run(rig) {
      for (const broker of rig.brokers) {
        const { bus, topic, consumer, handled } = await openScene(rig, {
          start: 'publish',
          bus: { inbox: null, feed: broker.name },
        });
        const ids = idsFrom(200);
        const fault = await broker.does.loseReply();
        const outcomes = await Promise.allSettled(
          ids.map((id, index) => bus.publish(topic, { id }, { id, key: `k${index % 20}`, timeoutMs: 2_000 })),
        );
        await fault.happened;
        const acknowledged = ids.filter((_, index) => outcomes[index]?.status === 'fulfilled');
        await bus.consumer(consumer.name).start();
        for (const id of acknowledged) await handled.first((one) => one.id === id);
        for (const id of ids.filter((one) => !acknowledged.includes(one)))
          await publishForSure(bus, topic, { id });
        for (const id of ids) await handled.first((one) => one.id === id);
        await bus.close();
      }
    },
  },
  {
    id: 'C18',
    title:
      'close settles every pending publish: stored if there is time, otherwise uncertain, and says how many',
    needs: [allCan('holdReplies')],
    async run(rig) {
      const { bus, topic, consumer } = await openScene(rig, { start: 'publish' });
      const ids = idsFrom(500);
      const published = Promise.allSettled(ids.map((id) => bus.publish(topic, { id }, { id })));
      assert.deepEqual(await bus.close(), { publishes: 0, deliveries: 0 });
      const failures = (await published).filter(({ status }) => status === 'rejected');
      assert.deepEqual(failures, []);
      for (const broker of rig.brokers) await untilWaiting(broker, consumer, ids.length);
      for (const broker of rig.brokers) {
        const patient = await openScene(rig, { start: 'publish' });
        const late = await broker.does.holdReplies();
        const receipt = patient.bus.publish(patient.topic, {});
        await late.happened;
        const closing = patient.bus.close({ deadlineMs: 20_000 });
        await late.remove();
        assert.deepEqual(new Set(Object.values((await receipt).brokers)), new Set(['stored']));
        assert.deepEqual(await closing, { publishes: 0, deliveries: 0 });

        const hasty = await openScene(rig, { start: 'publish' });
        const held = await broker.does.holdReplies();
        const rejected = publishRejection(hasty.bus.publish(hasty.topic, {}));
        await held.happened;
        const report = await hasty.bus.close({ deadlineMs: 300 });
        const error = await rejected;
        assert.deepEqual(error.brokers, outcomesWith(rig.brokers, broker.name, 'uncertain'));
        assert.deepEqual(report, { publishes: 1, deliveries: 0 });
        await held.remove();
      }
    },
  },
  {
    id: 'C20',
    title: 'deadline and AbortSignal end a publish, and an acknowledgement that comes later is ignored',
    needs: [allCan('holdReplies')],
    async run(rig) {
      for (const broker of rig.brokers) {
        const { bus, topic, consumer, handled } = await openScene(rig, {
          start: 'publish',
          bus: { feed: broker.name },
        });
        const held = await broker.does.holdReplies();
        const late = await publishRejection(bus.publish(topic, {}, { id: 'late', timeoutMs: 300 }));
        assert.deepEqual(late.brokers, outcomesWith(rig.brokers, broker.name, 'uncertain'));
        assert.equal(late.errors[broker.name]?.code, 'BC_PUBLISH_TIMEOUT');
        await untilStored(broker, consumer, 1);
        const controller = new AbortController();
        const aborted = publishRejection(
          bus.publish(topic, {}, { id: 'aborted', signal: controller.signal }),
        );
        for (const one of rig.brokers) await untilStored(one, consumer, 2);
        controller.abort();
        assert.equal((await aborted).errors[broker.name]?.code, 'BC_PUBLISH_ABORTED');
        const never = bus.publish(topic, {}, { id: 'never', signal: AbortSignal.abort() });
        await assert.rejects(never, { code: 'BC_PUBLISH_ABORTED' });
        await held.remove();
        await bus.publish(topic, {}, { id: 'next' });
        assert.equal(bus.health().publishes.pending, 0);
        await bus.consumer(consumer.name).start();
        assert.deepEqual(idsOf(await handled.atLeast(3)), ['aborted', 'late', 'next']);
        await bus.close();
      }
    },
  },
];
