import assert from 'node:assert/strict';
import type { Headers } from '../../contract/message.js';
import { createRecorder } from '../recorder.js';
import type { ContractCase } from './contract-case.js';
import { allCan } from './needs.js';
import { openScene, record } from './scene.js';
import { untilWaiting } from './until-waiting.js';

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const STACK_MAX_BYTES = 2_048;

/** Headers that say where a dead letter came from. */
const ORIGIN = {
  partition: ['original-partition', 'original-offset'],
  queue: ['original-exchange', 'original-routing-key', 'original-queue'],
} as const;

function textOf(headers: Headers, name: string): string {
  assert.ok(Object.hasOwn(headers, name), `the header ${name} is there`);
  return String(headers[name]);
}

/** Messages that are given up on after their attempts. */
export const deadLetterCases: readonly ContractCase[] = [
  {
    id: 'C31',
    title: 'a message whose attempts are used up is dead-lettered once, with every header',
    async run(rig) {
      const attempts: number[] = [];
      const { bus, topic, consumer } = await openScene(rig, {
        consumer: {
          handle: (_, { attempt }) => {
            attempts.push(attempt);
            throw new RangeError('the unit is out of range');
          },
        },
      });
      const buried = record(bus, 'dead-lettered');
      await bus.publish(topic, { unit: 7 }, { id: 'bad', key: 'k', headers: { mine: 'kept' } });
      const [told] = await buried.atLeast(1);
      assert.deepEqual([told?.reason, told?.broker, attempts], ['attempts', rig.feed.name, [1, 2, 3]]);
      await bus.close();
      await untilWaiting(rig.feed, consumer, 0);
      const letters = await rig.feed.readDeadLetters(consumer);
      assert.equal(letters.length, 1);
      const { body, headers } = letters[0] ?? assert.fail();
      assert.deepEqual(body, Buffer.from(JSON.stringify({ unit: 7 })));
      const expected = {
        'bc-id': 'bad',
        'bc-key': 'k',
        mine: 'kept',
        'content-type': 'application/json',
        'original-topic': topic.name,
        'failed-consumer': consumer.name,
        'bc-reason': 'attempts',
        'bc-attempt': '3',
        'error-type': 'RangeError',
        'error-message': 'the unit is out of range',
      };
      for (const [name, value] of Object.entries(expected)) assert.equal(textOf(headers, name), value, name);
      for (const name of ['failed-at', 'bc-published-at']) assert.match(textOf(headers, name), ISO_TIME);
      assert.match(textOf(headers, 'error-stack'), /RangeError/);
      assert.ok(Buffer.byteLength(textOf(headers, 'error-stack')) <= STACK_MAX_BYTES);
      for (const name of ORIGIN[rig.feed.capabilities.ordering]) textOf(headers, name);
    },
  },
  {
    id: 'C31b',
    title:
      'a dead letter whose acknowledgement is lost is stored again with the same id, and nothing is lost',
    needs: [allCan('loseReply', 'dropConnections')],
    async run(rig) {
      const armed = createRecorder<{ happened: Promise<unknown> }>('planted faults');
      const { bus, topic, consumer, handled } = await openScene(rig, {
        consumer: {
          handle: async ({ id }, context) => {
            if (id !== 'bad') return;
            armed.add(await rig.feed.does.loseReply());
            return context.deadLetter('to be lost on the way');
          },
        },
      });
      const buried = record(bus, 'dead-lettered');
      await bus.publish(topic, {}, { id: 'bad', key: 'k' });
      const [fault] = await armed.atLeast(1);
      await fault?.happened;
      await rig.feed.does.dropConnections();
      await buried.first(({ id }) => id === 'bad');
      await bus.publish(topic, {}, { id: 'after', key: 'k' });
      await handled.first(({ id }) => id === 'after');
      await bus.close();
      await untilWaiting(rig.feed, consumer, 0);
      const ids = (await rig.feed.readDeadLetters(consumer)).map(({ headers }) => headers['bc-id']);
      assert.ok(ids.length >= 1 && ids.length <= 3, `${ids.length} dead letters`);
      assert.deepEqual([...new Set(ids)], ['bad']);
    },
  },
  {
    id: 'C37',
    title: 'what a handler changes in a message is seen neither by its next attempt nor in the dead letter',
    async run(rig) {
      const seen = createRecorder<string>('attempts');
      const { bus, topic, consumer } = await openScene(rig, {
        consumer: {
          handle: ({ data, headers }) => {
            seen.add(JSON.stringify([data, headers.mine, String(headers.bytes), headers.added]));
            Object.assign(data as object, { unit: 'changed' });
            Object.assign(headers, { mine: 'changed', added: 'new' });
            (headers.bytes as Buffer).fill('x');
            throw new Error('again');
          },
        },
      });
      const buried = record(bus, 'dead-lettered');
      const headers = { mine: 'kept', bytes: Buffer.from([0xff, 0xfe, 0x00]) };
      const bytes = Buffer.from(headers.bytes);
      await bus.publish(topic, { unit: 7 }, { headers });
      await buried.atLeast(1);
      assert.equal(seen.items.length, 3);
      assert.equal(new Set(seen.items).size, 1, `attempts saw ${seen.items.join(' and ')}`);
      const [letter] = await rig.feed.readDeadLetters(consumer);
      assert.deepEqual(letter?.body, Buffer.from(JSON.stringify({ unit: 7 })));
      assert.equal(letter.headers.mine, 'kept');
      assert.deepEqual(Buffer.from(letter.headers.bytes as Buffer), bytes);
      assert.ok(!Object.hasOwn(letter.headers, 'added'));
    },
  },
  {
    id: 'C38',
    title: 'while the dead-letter place takes nothing the original is not settled',
    needs: [allCan('breakDeadLetters')],
    timeoutMs: 60_000,
    async run(rig) {
      const { bus, topic, consumer } = await openScene(rig, {
        consumer: { handle: (_, context) => context.deadLetter('not wanted') },
      });
      const [refused, buried] = [record(bus, 'dead-letter-failed'), record(bus, 'dead-lettered')];
      const broken = await rig.feed.does.breakDeadLetters(consumer);
      await bus.publish(topic, { unit: 7 }, { id: 'kept' });
      await refused.atLeast(1);
      await bus.close({ deadlineMs: 500 });
      assert.deepEqual(buried.items, []);
      await untilWaiting(rig.feed, consumer, 1);
      await broken.remove();
      const again = await rig.openBus({ topics: [topic], consumers: [consumer] });
      const stored = record(again, 'dead-lettered');
      await again.start();
      await stored.atLeast(1);
      await again.close();
      await untilWaiting(rig.feed, consumer, 0);
      const ids = (await rig.feed.readDeadLetters(consumer)).map(({ headers }) => headers['bc-id']);
      assert.deepEqual(ids, ['kept']);
    },
  },
];
