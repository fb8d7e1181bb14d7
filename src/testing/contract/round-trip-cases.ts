import assert from 'node:assert/strict';
import type { ContractCase } from './contract-case.js';
import type { RawMessage } from './contract-rig.js';
import { openScene, record, topicOf, watch } from './scene.js';

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** A null as brokers store it: their own, or (AMQP has none) an empty body that is marked. */
function isTombstone({ body, headers }: RawMessage): boolean {
  if (body === null) return true;
  assert.equal(body.length, 0);
  return Object.hasOwn(headers, 'bc-tombstone');
}

/** What a message is made of comes out as it went in. */
export const roundTripCases: readonly ContractCase[] = [
  {
    id: 'C01',
    title: 'body, key, headers, id, timestamp and content type are equal after the trip',
    async run(rig) {
      const { bus, topic, handled } = await openScene(rig, { topic: { codec: 'bytes' } });
      const headers = { unicode: 'Grüße 你好 🎉', empty: '', binary: ALL_BYTES, 'Mixed-Case': 'kept' };
      const before = Date.now();
      await bus.publish(topic, ALL_BYTES, { id: 'id-ä-1', key: 'Schlüssel ✓', headers });
      const after = Date.now();
      const [message] = await handled.atLeast(1);
      assert.ok(message);
      assert.deepEqual(message.data, ALL_BYTES);
      assert.equal(message.id, 'id-ä-1');
      assert.equal(message.key, 'Schlüssel ✓');
      for (const [name, value] of Object.entries(headers))
        assert.deepEqual(message.headers[name], value, name);
      assert.equal(message.headers['content-type'], 'application/octet-stream');
      const publishedMs = message.publishedAt?.getTime() ?? 0;
      assert.ok(before <= publishedMs && publishedMs <= after, `published at ${publishedMs}`);
    },
  },
  {
    id: 'C02',
    title: 'an empty body and a null stay distinct, for the handler and in the broker',
    async run(rig) {
      const { bus, topic, consumer, handled } = await openScene(rig, {
        topic: { codec: 'bytes' },
        consumer: { handle: (_, context) => context.deadLetter('to be looked at past the library') },
      });
      const buried = record(bus, 'dead-lettered');
      await bus.publish(topic, Buffer.alloc(0), { id: 'empty' });
      await bus.publish(topic, null, { id: 'null', tombstone: true });
      await buried.atLeast(2);
      const dataOf = (id: string): unknown => handled.items.find((one) => one.id === id)?.data;
      assert.deepEqual(dataOf('empty'), Buffer.alloc(0));
      assert.equal(dataOf('null'), null);
      const letters = await rig.feed.readDeadLetters(consumer);
      const isNull = Object.fromEntries(
        letters.map((letter) => [letter.headers['bc-id'], isTombstone(letter)]),
      );
      assert.deepEqual(isNull, { empty: false, null: true });
    },
  },
  {
    id: 'C04',
    title: 'nothing crosses from one topic to another',
    async run(rig) {
      const name = rig.uniqueName('shop');
      const topics = ['', '_orders', '_orders_new'].map((suffix) => topicOf(rig, { name: name + suffix }));
      const watched = topics.map((topic) => watch(rig, topic));
      const bus = await rig.openBus({ topics, consumers: watched.map(({ consumer }) => consumer) });
      await bus.start();
      const numbers = Array.from({ length: 20 }, (_, number) => number);
      await Promise.all(
        topics.flatMap((topic) =>
          numbers.map((number) => bus.publish(topic, { number }, { id: `${topic.name}/${number}` })),
        ),
      );
      for (const [index, { handled }] of watched.entries()) {
        await handled.atLeast(numbers.length);
        const expected = numbers.map((number) => `${topics[index]?.name}/${number}`);
        assert.deepEqual(handled.items.map(({ id }) => id).sort(), expected.sort());
      }
    },
  },
];
