import assert from 'node:assert/strict';
import type { Headers } from '../../contract/message.js';
import type { ContractCase } from './contract-case.js';
import { openScene, record } from './scene.js';

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Headers of semantics that say where a dead letter came from. */
const ORIGIN = {
  partition: ['original-partition', 'original-offset'],
  queue: ['original-exchange', 'original-routing-key', 'original-queue'],
} as const;

const textOf = (headers: Headers, name: string): string => {
  assert.ok(Object.hasOwn(headers, name), `the header ${name} is there`);
  return String(headers[name]);
};

/** Messages that are given up on. */
export const deadLetterCases: readonly ContractCase[] = [
  {
    id: 'C31',
    title: 'a message whose attempts are used up is dead-lettered once, with every header',
    async run(rig) {
      const attempts: number[] = [];
      const { bus, topic, consumer } = await openScene(rig, {
        consumer: {
          handle: (_, context) => {
            attempts.push(context.attempt);
            throw new RangeError('the unit is out of range');
          },
        },
      });
      const buried = record(bus, 'dead-lettered');
      await bus.publish(topic, { unit: 7 }, { id: 'bad', key: 'k', headers: { mine: 'kept' } });
      const [told] = await buried.atLeast(1);
      assert.deepEqual(attempts, [1, 2, 3]);
      assert.equal(told?.reason, 'attempts');
      assert.equal(told?.broker, rig.feed.name);
      await bus.close();
      assert.equal(await rig.feed.waiting(consumer), 0);
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
      assert.match(textOf(headers, 'failed-at'), ISO_TIME);
      assert.match(textOf(headers, 'bc-published-at'), ISO_TIME);
      const stack = textOf(headers, 'error-stack');
      assert.match(stack, /RangeError/);
      assert.ok(Buffer.byteLength(stack) <= 2_048);
      for (const name of ORIGIN[rig.feed.capabilities.ordering]) textOf(headers, name);
    },
  },
];
