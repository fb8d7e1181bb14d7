import assert from 'node:assert/strict';
import type { MessageBus } from '../../contract/message-bus.js';
import type { TopicDefinition } from '../../contract/topic.js';
import type { ContractCase } from './contract-case.js';
import type { ContractRig, RigBroker } from './contract-rig.js';
import { collectGarbage, heldBytes } from './memory.js';
import { allCan, canRefuse, twoBrokers } from './needs.js';
import { outcomesWith, publishRejection } from './rejection-of.js';
import { openScene, record, topicOf, watch } from './scene.js';
import { untilStored, untilWaiting } from './until-waiting.js';

/** A log refuses by a definite answer: nothing is stored. */
async function refusedByLog(rig: ContractRig, broker: RigBroker): Promise<void> {
  const { bus, topic, consumer } = await openScene(rig, { start: 'publish' });
  const fault = await broker.does.refuse(topic);
  const error = await publishRejection(bus.publish(topic, { unit: 'x'.repeat(2_000) }, { timeoutMs: 3_000 }));
  await fault.remove();
  assert.deepEqual(error.brokers, outcomesWith(rig.brokers, broker.name, 'failed'));
  assert.equal(await broker.waiting(consumer), 0);
  await bus.close();
}

/** A full queue refuses: nothing is stored in it, but another queue of the topic may have taken the message. */
async function refusedByQueue(rig: ContractRig, broker: RigBroker): Promise<void> {
  const topic = topicOf(rig);
  const full = watch(rig, topic, { rabbitmq: { existing: true } });
  await broker.does.fillQueue(full.consumer);
  const before = await broker.waiting(full.consumer);
  const alone = await rig.openBus({ topics: [topic], consumers: [full.consumer] });
  await alone.start({ consume: false });
  const failed = await publishRejection(alone.publish(topic, { unit: 1 }));
  const expected = broker.refusal === 'unclear' ? 'uncertain' : 'failed';
  assert.deepEqual(failed.brokers, outcomesWith(rig.brokers, broker.name, expected));
  assert.equal(failed.errors[broker.name]?.code, 'BC_PUBLISH_REFUSED');
  await alone.close();
  await untilWaiting(broker, full.consumer, before);

  const free = watch(rig, topic);
  const both = await rig.openBus({ topics: [topic], consumers: [full.consumer, free.consumer] });
  await both.start({ consume: false });
  const uncertain = await publishRejection(both.publish(topic, { unit: 2 }));
  assert.deepEqual(uncertain.brokers, outcomesWith(rig.brokers, broker.name, 'uncertain'));
  await both.close();
  await untilWaiting(broker, full.consumer, before);
  await untilWaiting(broker, free.consumer, 1);
}

/** Takes one broker away, runs, gives it back and waits until the bus has noticed. */
async function without(bus: MessageBus, broker: RigBroker, run: () => Promise<void>): Promise<void> {
  const back = record(bus, 'broker-recovered');
  const cut = await broker.does.cut();
  await run();
  await cut.remove();
  await back.first((event) => event.broker === broker.name);
}

const IN_FLIGHT = 100;
const WAITING = 1_000;
const PUBLISHES = 50_000;
const CHUNK = 1_000;
/** Many times what the held publishes of one chunk take, and a twentieth of what all bodies would. */
const GROWTH_MAX_BYTES = 10 * 1024 * 1024;

/** Publishes far more than the bus may hold; what is over the bounds is rejected at once. */
async function flood(bus: MessageBus, topic: TopicDefinition): Promise<Promise<unknown>[]> {
  const body = Buffer.alloc(4_096, 'x');
  const kept: Promise<unknown>[] = [];
  let baseline = 0;
  for (let sent = 0; sent < PUBLISHES; sent += CHUNK) {
    const chunk = Array.from({ length: CHUNK }, () => bus.publish(topic, body));
    if (sent < IN_FLIGHT + WAITING) kept.push(...chunk.slice(0, IN_FLIGHT + WAITING - sent));
    const over = sent < IN_FLIGHT + WAITING ? chunk.slice(IN_FLIGHT + WAITING - sent) : chunk;
    for (const one of over) {
      const { errors } = await publishRejection(one);
      assert.deepEqual([...new Set(Object.values(errors).map(({ code }) => code))], ['BC_PUBLISH_OVERFLOW']);
    }
    if (sent === 4 * CHUNK) baseline = await heldBytes();
  }
  const growth = (await heldBytes()) - baseline;
  assert.ok(growth < GROWTH_MAX_BYTES, `${growth} bytes more after ${PUBLISHES} publishes`);
  return kept;
}

/** Publishes that a broker does not take. */
export const refusedPublishCases: readonly ContractCase[] = [
  {
    id: 'C13',
    title:
      'a refused message has failed with nothing stored, and is uncertain where another queue may have it',
    needs: [canRefuse],
    timeoutMs: 60_000,
    async run(rig) {
      for (const broker of rig.brokers) {
        if (broker.faults.includes('fillQueue')) await refusedByQueue(rig, broker);
        else await refusedByLog(rig, broker);
      }
    },
  },
  {
    id: 'C14',
    title: 'with one of two brokers down the policy decides, and the outcome of each is named',
    needs: [twoBrokers, allCan('cut')],
    timeoutMs: 60_000,
    async run(rig) {
      for (const [index, broker] of rig.brokers.entries()) {
        const other = rig.brokers[1 - index] ?? assert.fail();
        const all = topicOf(rig);
        const primary = topicOf(rig, { policy: 'primary', primary: other.name, allowGaps: true });
        const any = topicOf(rig, { policy: 'any', allowGaps: true });
        const topics = [all, primary, any];
        const watched = topics.map((topic) => watch(rig, topic).consumer);
        const bus = await rig.openBus({ topics, consumers: watched });
        await bus.start({ consume: false });
        await without(bus, broker, async () => {
          const { brokers } = await publishRejection(bus.publish(all, {}, { timeoutMs: 500 }));
          assert.equal(brokers[other.name], 'stored');
          // Uncertain: a connection whose end was not noticed yet may have taken it.
          assert.match(String(brokers[broker.name]), /^(failed|uncertain)$/);
          for (const topic of [primary, any]) {
            const receipt = await bus.publish(topic, {}, { timeoutMs: 500 });
            assert.deepEqual(receipt.brokers, { [broker.name]: 'pending', [other.name]: 'stored' });
          }
        });
        for (const consumer of watched.slice(1)) await untilWaiting(broker, consumer, 1);
        await bus.close();
      }
    },
  },
  {
    id: 'C16',
    title:
      'against a blocked broker memory stays flat, publishes over the bounds are rejected, and all recovers',
    needs: [allCan('block')],
    timeoutMs: 90_000,
    async run(rig) {
      const { bus, topic, consumer } = await openScene(rig, {
        topic: { codec: 'bytes' },
        start: 'publish',
        bus: { bounds: { maxInFlight: IN_FLIGHT, maxWaiting: WAITING }, timeoutMs: 60_000 },
      });
      await bus.publish(topic, Buffer.alloc(1));
      const blocks = await Promise.all(rig.brokers.map((broker) => broker.does.block()));
      const kept = await flood(bus, topic);
      collectGarbage();
      for (const block of blocks) await block.remove();
      await Promise.all(kept);
      await bus.publish(topic, Buffer.alloc(1));
      // What was sent again while nothing was answered may be there twice.
      for (const broker of rig.brokers) await untilStored(broker, consumer, kept.length + 2);
    },
  },
];
