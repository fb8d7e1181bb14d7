import assert from 'node:assert/strict';
import type { BatchOutcome } from '../../contract/message-bus.js';
import { PublishFailedError } from '../../contract/publish-errors.js';
import type { Schema } from '../../contract/topic.js';
import type { ContractCase } from './contract-case.js';
import { someBroker } from './needs.js';
import { outcomesWith, publishRejection, rejectionOf } from './rejection-of.js';
import { openScene, topicOf } from './scene.js';

/** Takes objects with a whole number `units`. */
const unitsSchema: Schema<unknown> = {
  '~standard': {
    version: 1,
    vendor: 'contract',
    validate: (value) =>
      Number.isInteger((value as { units?: unknown } | null)?.units)
        ? { value }
        : { issues: [{ message: 'no whole number', path: ['units'] }] },
  },
};

/** Free space that is kept for the headers of copies, bytes. */
const COPY_HEADERS_BYTES = 32 * 1024;
/** More than the headers of a message without any of the caller's take. */
const OWN_HEADERS_BYTES = 1024;

/** What publish answers, without faults. */
export const publishingCases: readonly ContractCase[] = [
  {
    id: 'C06',
    title: 'a batch with one bad message has an outcome per message and keeps the order of the rest',
    async run(rig) {
      const { bus, topic, handled } = await openScene(rig, { topic: { schema: unitsSchema } });
      const units = [0, 1, 'bad', 3, 4];
      const outcomes = await bus.publishMany(
        topic,
        units.map((one) => ({ data: { units: one }, key: 'k' })),
      );
      const told = (one: BatchOutcome): string => (one.status === 'published' ? 'published' : one.error.code);
      assert.deepEqual(outcomes.map(told), [
        'published',
        'published',
        'BC_MESSAGE_INVALID',
        'published',
        'published',
      ]);
      await handled.atLeast(4);
      assert.deepEqual(
        handled.items.map(({ data }) => data),
        [0, 1, 3, 4].map((one) => ({ units: one })),
      );
    },
  },
  {
    id: 'C08',
    title: 'an unknown destination is rejected with a typed error, and the next publish works',
    async run(rig) {
      const { bus, topic, handled } = await openScene(rig);
      const error = await rejectionOf(bus.publish(rig.uniqueName('nowhere'), { lost: true }));
      const codes =
        error instanceof PublishFailedError
          ? Object.values(error.errors).map(({ code }) => code)
          : [error.code];
      assert.deepEqual([...new Set(codes)], ['BC_PLACE_MISSING']);
      await bus.publish(topic, { lost: false }, { id: 'next' });
      assert.deepEqual(
        (await handled.atLeast(1)).map(({ id }) => id),
        ['next'],
      );
    },
  },
  {
    id: 'C09',
    title: 'a message that no queue is bound for is rejected, and stored where the topic accepts it',
    needs: [someBroker((can) => can.reportsUnroutable, 'takes every message of a topic that exists')],
    async run(rig) {
      const [strict, lenient] = [topicOf(rig), topicOf(rig, { unroutable: 'accept' })];
      const bus = await rig.openBus({ topics: [strict, lenient] });
      await bus.start();
      const one = rig.brokers.find(({ capabilities }) => capabilities.reportsUnroutable) ?? assert.fail();
      const error = await publishRejection(bus.publish(strict, { lost: true }));
      assert.deepEqual(error.brokers, outcomesWith(rig.brokers, one.name, 'failed'));
      assert.equal(error.errors[one.name]?.code, 'BC_UNROUTABLE');
      const receipt = await bus.publish(lenient, { lost: true });
      assert.equal(receipt.brokers[one.name], 'stored');
    },
  },
  {
    id: 'C11',
    title: 'a message over the smaller limit is rejected before any broker sees it',
    async run(rig) {
      const { bus, topic, consumer } = await openScene(rig, { topic: { codec: 'bytes' }, start: 'publish' });
      const limit =
        Math.min(...rig.brokers.map(({ maxMessageBytes }) => maxMessageBytes)) - COPY_HEADERS_BYTES;
      const error = await rejectionOf(bus.publish(topic, Buffer.alloc(limit + 1)));
      assert.equal(error.code, 'BC_MESSAGE_TOO_LARGE');
      for (const broker of rig.brokers) assert.equal(await broker.waiting(consumer), 0, broker.product);
      const receipt = await bus.publish(topic, Buffer.alloc(limit - OWN_HEADERS_BYTES));
      assert.deepEqual(new Set(Object.values(receipt.brokers)), new Set(['stored']));
      // A broker that needs longer for so much than a request may take gets it again, under the same id.
      for (const broker of rig.brokers) assert.ok((await broker.waiting(consumer)) >= 1, broker.product);
    },
  },
  {
    id: 'C19',
    title: 'publish before start and after close is a typed rejection, and a closed bus stays closed',
    async run(rig) {
      const { bus, topic, consumer } = await openScene(rig, { start: 'none' });
      assert.equal((await rejectionOf(bus.publish(topic, {}))).code, 'BC_LIFECYCLE');
      await bus.start({ consume: false });
      await bus.publish(topic, {});
      await bus.close();
      assert.equal((await rejectionOf(bus.publish(topic, {}))).code, 'BC_LIFECYCLE');
      assert.equal((await rejectionOf(bus.start())).code, 'BC_LIFECYCLE');
      for (const broker of rig.brokers) assert.equal(await broker.waiting(consumer), 1, broker.product);
    },
  },
];
