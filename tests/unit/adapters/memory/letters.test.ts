import { expect, test } from '@jest/globals';
import type { BrokerPort, StoredLetter } from '../../../../src/contract/broker.js';
import {
  consumerOf,
  logWorld,
  messageOf,
  queueWorld,
  settleMicrotasks,
  ticketOf,
  topicOf,
} from './harness.js';

const WORLDS = { log: logWorld, queue: queueWorld } as const;
const letter = (id: string, at = 0) => ({
  ...messageOf(id, { key: id }),
  timestampMs: 1_700_000_000_000 + at,
});

/** A broker with dead letters of these ids, stored in this order. */
async function withLetters(kind: keyof typeof WORLDS, ids: readonly string[]) {
  const world = WORLDS[kind]();
  const { broker } = await world.client();
  const consumer = consumerOf();
  await broker.provision({ topics: [topicOf()], consumers: [consumer] });
  const store = async (id: string, at = 0): Promise<void> => {
    const { ticket } = ticketOf(letter(id, at));
    broker.publisher({ kind: 'dead-letter', consumer }).publish(ticket);
    await settleMicrotasks();
  };
  for (const [index, id] of ids.entries()) await store(id, index);
  return { world, broker, consumer, store };
}

const read = (broker: BrokerPort, consumer = consumerOf(), signal?: AbortSignal) =>
  (broker as Required<BrokerPort>).letters(consumer, signal === undefined ? {} : { signal });

async function idsOf(letters: AsyncIterable<StoredLetter>): Promise<(string | null)[]> {
  const ids: (string | null)[] = [];
  for await (const { message } of letters) ids.push(message.id);
  return ids;
}

test.each(['log', 'queue'] as const)('reading the %s fifty times loses nothing', async (kind) => {
  const ids = Array.from({ length: 20 }, (_, index) => `m${index}`);
  const { broker } = await withLetters(kind, ids);
  for (let times = 0; times < 50; times += 1) expect(await idsOf(read(broker))).toEqual(ids);
});

test.each(['log', 'queue'] as const)('reading the %s ends at what was there when it began', async (kind) => {
  const { broker, store } = await withLetters(kind, ['a', 'b']);
  const seen: (string | null)[] = [];
  for await (const { message } of read(broker)) {
    seen.push(message.id);
    await store(`late-${seen.length}`, 10 + seen.length);
  }
  expect(seen).toEqual(['a', 'b']);
  expect(await idsOf(read(broker))).toEqual(['a', 'b', 'late-1', 'late-2']);
});

test('a letter is taken out of a queue, once, and stays in a log', async () => {
  const { broker } = await withLetters('queue', ['a', 'b', 'c']);
  for await (const one of read(broker)) {
    if (one.message.id !== 'b') continue;
    expect(await one.remove()).toBe(true);
    expect(await one.remove()).toBe(false);
  }
  expect(await idsOf(read(broker))).toEqual(['a', 'c']);
  const log = await withLetters('log', ['a']);
  for await (const one of read(log.broker)) expect(await one.remove()).toBe(false);
  expect(await idsOf(read(log.broker))).toEqual(['a']);
});

test('of two readers of a queue one sees a letter; it comes back when that one ends', async () => {
  const { world, broker, consumer } = await withLetters('queue', ['a', 'b', 'c']);
  const other = await world.client({ clientId: 'other' });
  const first = read(broker)[Symbol.asyncIterator]();
  await first.next();
  expect(await idsOf(read(other.broker, consumer))).toEqual(['b', 'c']);
  await first.return?.(undefined);
  expect(await idsOf(read(other.broker, consumer))).toEqual(['a', 'b', 'c']);
});

test.each(['log', 'queue'] as const)(
  'a reader of the %s that loses its connection is told, and nothing is lost',
  async (kind) => {
    const { world, broker, consumer } = await withLetters(kind, ['a', 'b', 'c']);
    const letters = read(broker)[Symbol.asyncIterator]();
    const first = await letters.next();
    world.store.faults.dropConnections();
    await expect(letters.next()).rejects.toMatchObject({ code: 'BC_BROKER_UNAVAILABLE' });
    expect(await first.value?.remove()).toBe(false);
    const { broker: again } = await world.client({ clientId: 'again' });
    expect(await idsOf(read(again, consumer))).toEqual(['a', 'b', 'c']);
  },
);

test.each(['log', 'queue'] as const)('a reader of the %s ends when it is told to', async (kind) => {
  const { broker } = await withLetters(kind, ['a', 'b', 'c']);
  const over = new AbortController();
  const seen: (string | null)[] = [];
  for await (const { message } of read(broker, consumerOf(), over.signal)) {
    seen.push(message.id);
    over.abort();
  }
  expect(seen).toEqual(['a']);
  expect(await idsOf(read(broker))).toEqual(['a', 'b', 'c']);
});

test.each(['log', 'queue'] as const)('a place that is missing on the %s is named', async (kind) => {
  const { broker } = await WORLDS[kind]().client();
  await expect(idsOf(read(broker))).rejects.toMatchObject({ code: 'BC_PLACE_MISSING' });
});
