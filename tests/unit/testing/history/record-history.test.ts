import { expect, test } from '@jest/globals';
import { defineConsumer, memoryInbox } from '../../../../src/index.js';
import { checkHistory, recordHistory } from '../../../../src/testing/index.js';
import { openTestBus, orders } from '../../bus/harness.js';

const recorded = async () => {
  const history = recordHistory({ producer: 'test' });
  const consumer = defineConsumer(
    history.consumer({
      name: 'billing',
      topic: orders,
      group: 'billing-group',
      retry: { inline: { attempts: 1 } },
      handle: ({ data }, context) => {
        if (data.n === 1) return context.drop('not wanted');
        if (data.n === 2) throw new Error('cannot');
        return undefined;
      },
    }),
  );
  const { bus, clock, start } = await openTestBus({ consumers: [consumer], inbox: memoryInbox() });
  history.watch(bus);
  await start();
  return { history, bus, clock };
};

test('records calls, ends, deliveries, effects, drops and dead letters of a bus', async () => {
  const { history, bus, clock } = await recorded();
  for (const n of [0, 1, 2]) await history.publish(bus, orders, { data: { n }, id: `m${n}`, key: 'k' });
  await clock.advance(0);
  const consumer = 'billing';
  const of = (id: string) => history.items.filter((event) => 'id' in event && event.id === id);
  for (const [id, end] of Object.entries({ m0: 'effect', m1: 'dropped', m2: 'dead-letter' }))
    expect(new Set(of(id).map(({ type }) => type))).toEqual(
      new Set(['publish-invoked', 'publish-ok', 'delivered', end]),
    );
  expect(of('m0')[0]).toEqual({
    type: 'publish-invoked',
    id: 'm0',
    topic: 'orders',
    key: 'k',
    producer: 'test',
  });
  expect(of('m0')).toContainEqual({ type: 'effect', consumer, id: 'm0' });
  expect(of('m1')).toContainEqual({ type: 'dropped', consumer, id: 'm1', reason: 'not wanted' });
  expect(of('m2')).toContainEqual({ type: 'dead-letter', consumer, id: 'm2', reason: 'attempts' });
  expect(checkHistory(history.items)).toEqual([]);
});

test('records a publish that was refused as failed, and rejects with what the bus said', async () => {
  const { history, bus } = await recorded();
  await bus.close();
  const publishing = history.publish(bus, orders, { data: { n: 0 }, id: 'late' });
  await expect(publishing).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
  expect(history.items.slice(-2).map(({ type }) => type)).toEqual(['publish-invoked', 'publish-failed']);
});
