import { expect, test } from '@jest/globals';
import { checkHistory, type HistoryEvent } from '../../../../src/testing/index.js';

const consumer = 'usage';
const published = (...ids: string[]): HistoryEvent[] => [
  { type: 'consumer', consumer, topic: 't' },
  ...ids.flatMap((id): HistoryEvent[] => [
    { type: 'publish-invoked', id, topic: 't', key: 'k' },
    { type: 'publish-ok', id },
  ]),
];
const delivered = (id: string): HistoryEvent => ({ type: 'delivered', consumer, id });
const effect = (id: string): HistoryEvent => ({ type: 'effect', consumer, id });
const kinds = (history: readonly HistoryEvent[]): string[] => checkHistory(history).map(({ kind }) => kind);

test('a replay of what was dead has an effect of its own', () => {
  const replayed: HistoryEvent = { type: 'effect', consumer, id: 'a', generation: 1 };
  expect(kinds([...published('a'), effect('a'), replayed])).toEqual([]);
  expect(kinds([...published('a'), effect('a'), replayed, replayed])).toEqual(['DOUBLE']);
});

test('a redelivery after later messages is no wrong order', () => {
  const history = [delivered('a'), delivered('b'), delivered('a'), effect('a'), effect('b')];
  expect(kinds([...published('a', 'b'), ...history])).toEqual([]);
});

test('a copy for later lets go of the copies before it, and not of itself', () => {
  const retry: HistoryEvent = { type: 'retry', consumer, id: 'a', attempt: 2 };
  const settled = (attempt: number): HistoryEvent => ({ type: 'settled', consumer, id: 'a', attempt });
  const begin = [...published('a'), delivered('a'), retry];
  expect(kinds([...begin, settled(1), effect('a'), settled(2)])).toEqual([]);
  expect(kinds([...begin, settled(2), effect('a')])).toEqual(['SKIP']);
});

test('a committed position is the first that is not let go of', () => {
  const at = (id: string, position: number): HistoryEvent =>
    ({ ...delivered(id), place: 'p', position }) as HistoryEvent;
  const commit = (position: number): HistoryEvent => ({ type: 'committed', consumer, place: 'p', position });
  const begin = [...published('a', 'b'), at('a', 4), at('b', 7), effect('a')];
  expect(kinds([...begin, commit(7), effect('b')])).toEqual([]);
  expect(kinds([...begin, commit(8), effect('b')])).toEqual(['SKIP']);
  // Read again from the hole on, out of the order in which they came first.
  expect(kinds([...begin, at('a', 4), commit(5), effect('b'), commit(8)])).toEqual([]);
});

test('the best end of a repeated publish counts, whenever it came', () => {
  const end = (type: 'publish-ok' | 'publish-failed'): HistoryEvent => ({ type, id: 'a' });
  const begin: HistoryEvent[] = [
    { type: 'consumer', consumer, topic: 't' },
    { type: 'publish-invoked', id: 'a', topic: 't' },
  ];
  expect(kinds([...begin, end('publish-failed'), end('publish-ok')])).toEqual(['LOST']);
  expect(kinds([...begin, end('publish-ok'), end('publish-failed')])).toEqual(['LOST']);
  expect(kinds([...begin, end('publish-failed')])).toEqual([]);
});

test('a finding tells the events and says in one sentence what is wrong', () => {
  const history = [...published('a'), delivered('a')];
  expect(checkHistory(history)).toEqual([
    {
      kind: 'LOST',
      consumer,
      id: 'a',
      events: [history[1], history[2], history[3]],
      what: 'a was acknowledged and "usage" never ended it: the last that was seen of it is "delivered".',
    },
  ]);
});
