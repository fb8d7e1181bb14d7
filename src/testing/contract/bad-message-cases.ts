import assert from 'node:assert/strict';
import type { Schema } from '../../contract/topic.js';
import type { ContractCase } from './contract-case.js';
import { allCan, someBroker } from './needs.js';
import { openScene, record } from './scene.js';
import { untilWaiting } from './until-waiting.js';

/** Bodies that are no JSON text. */
const UNDECODABLE: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from('{"unit": 7'),
  Buffer.from('\ufeff{"unit":7}'),
  Buffer.from([0x22, 0xff, 0xfe, 0x22]),
  Buffer.from('{"unit":\u0000}'),
];

/** Fails as a careless schema does: it throws for data that it did not think of. */
const careless: Schema<unknown> = {
  '~standard': {
    version: 1,
    vendor: 'contract',
    validate: (value) => {
      if ((value as { unit?: unknown }).unit === 'unexpected')
        throw new TypeError('the schema itself failed');
      return { value };
    },
  },
};

/** An error that cannot be looked at. */
function hostileError(): unknown {
  return new Proxy(Object.freeze({}), {
    get: () => {
      throw new Error('not to be read');
    },
  });
}

/** Messages and handlers that misbehave. */
export const badMessageCases: readonly ContractCase[] = [
  {
    id: 'C32',
    title:
      'what cannot be decoded goes straight to the dead letters with its raw bytes, and the next is handled',
    async run(rig) {
      const { bus, topic, consumer, handled } = await openScene(rig);
      const buried = record(bus, 'dead-lettered');
      for (const [index, body] of UNDECODABLE.entries()) {
        await rig.feed.write(topic, { body, headers: { foreign: `number ${index}` } });
      }
      await rig.feed.write(topic, { body: Buffer.from('{"unit":8}'), headers: {} });
      await buried.atLeast(UNDECODABLE.length);
      const [good] = await handled.atLeast(1);
      assert.deepEqual(good?.data, { unit: 8 });
      assert.deepEqual([...new Set(buried.items.map(({ reason }) => reason))], ['invalid']);
      await bus.close();
      await untilWaiting(rig.feed, consumer, 0);
      const letters = await rig.feed.readDeadLetters(consumer);
      assert.equal(letters.length, UNDECODABLE.length);
      for (const [index, body] of UNDECODABLE.entries()) {
        const letter = letters.find(({ headers }) => headers.foreign === `number ${index}`);
        assert.deepEqual(letter?.body, body, `body ${index}`);
        assert.equal(letter.headers['bc-reason'], 'invalid');
      }
    },
  },
  {
    id: 'C33',
    title:
      'a message that kills the client ends in the dead letters, the next are handled, and none that came with it goes too',
    needs: [
      someBroker(({ limitsDeliveries }) => limitsDeliveries, 'never gives up on a message by itself'),
      allCan('poison'),
    ],
    timeoutMs: 120_000,
    async run(rig) {
      const { bus, topic, consumer, handled } = await openScene(rig, { start: 'publish' });
      const lost = record(bus, 'broker-lost');
      const publish = (from: number) =>
        Promise.all(Array.from({ length: 20 }, (_, unit) => bus.publish(topic, { unit: from + unit })));
      const before = await publish(0);
      await rig.feed.does.poison(topic);
      const after = await publish(20);
      await bus.consumer(consumer.name).start();
      for (const { id } of [...before, ...after]) await handled.first((one) => one.id === id);
      await lost.atLeast(1);
      // Handing it over has to fail as often as the queue allows: consumption goes on meanwhile.
      let letters = await rig.feed.readDeadLetters(consumer);
      while (letters.length === 0) letters = await rig.feed.readDeadLetters(consumer);
      assert.deepEqual(
        letters.map(({ body, headers }) => [String(body), headers.plain]),
        [['{}', 'text']],
      );
      const [last] = await publish(40);
      await handled.first(({ id }) => id === last?.id);
      await bus.close();
      await untilWaiting(rig.feed, consumer, 0);
    },
  },
  {
    id: 'C36',
    title: 'a schema, a verdict or an error that throws when it is looked at costs no message',
    async run(rig) {
      const { bus, topic, consumer, handled } = await openScene(rig, {
        topic: { schema: careless },
        consumer: {
          handle: ({ data }, context) => {
            const { unit } = data as { unit: string };
            if (unit === 'hostile') throw hostileError();
            if (unit === 'nonsense') return context.retry({ after: 'soon' });
            if (unit === 'undefined') throw undefined;
            return undefined;
          },
        },
      });
      const buried = record(bus, 'dead-lettered');
      const bad = ['hostile', 'nonsense', 'undefined', 'unexpected'];
      for (const unit of bad) {
        const body = Buffer.from(JSON.stringify({ unit }));
        await rig.feed.write(topic, { body, headers: { 'bc-id': unit } });
      }
      await bus.publish(topic, { unit: 'good' }, { id: 'good' });
      await handled.first(({ id }) => id === 'good');
      await buried.atLeast(bad.length);
      await bus.close();
      await untilWaiting(rig.feed, consumer, 0);
      const letters = await rig.feed.readDeadLetters(consumer);
      assert.deepEqual(letters.map(({ body }) => JSON.parse(String(body)).unit).sort(), bad);
    },
  },
];
