import { describe, expect, test } from '@jest/globals';
import type { FetchedRecord } from '../../../../src/adapters/kafka/driver.js';
import { dueTimeOf } from '../../../../src/adapters/kafka/due-time.js';
import { KafkaLeg } from '../../../../src/adapters/kafka/leg.js';
import type { Delivery, LegRole } from '../../../../src/contract/broker.js';
import type { AnyConsumer } from '../../../../src/contract/consumer.js';
import { defineConsumer } from '../../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../../src/contract/define-topic.js';
import { createFakeClock } from '../../../../src/testing/fake-clock.js';

const START_MS = 1_700_000_000_000;

const recordOf = (
  offset: number,
  { writtenMs = START_MS, dueMs = Number.NaN, bytes = 1 } = {},
): FetchedRecord => ({
  offset: String(offset),
  timestamp: String(writtenMs),
  key: null,
  value: Buffer.alloc(bytes, String(offset)),
  headers: Number.isNaN(dueMs) ? {} : { 'bc-due-at': Buffer.from(new Date(dueMs).toISOString()) },
});

function makeLeg({ capacity = 10, role = 'live' as LegRole, deferred = ['5s', '30s'] } = {}) {
  const clock = createFakeClock({ epochMs: START_MS });
  const deliveries: Delivery[] = [];
  const fetching: Record<string, boolean> = {};
  const consumer = defineConsumer({
    name: 'reader',
    topic: defineTopic({ name: 'orders' }),
    group: 'g',
    retry: { deferred },
    handle: () => {},
  }) as AnyConsumer;
  const leg = new KafkaLeg(
    { consumer, capacity, role, deliver: (delivery) => deliveries.push(delivery) },
    {
      clock,
      trouble: () => null,
      onSettled: () => {},
      setFetching: ({ topic, isFetching }) => {
        fetching[topic] = isFetching;
      },
      detach: async () => {},
    },
  );
  leg.assign(() => [0, 1], false);
  const fetch = (topic: string, records: readonly FetchedRecord[], partition = 0) => {
    const endOffset = String(Number(records.at(-1)?.offset ?? -1) + 1);
    return leg.feeds.get(topic)?.accept({ topic, partition, endOffset, records });
  };
  const places = () =>
    deliveries.map(({ message: { position } }) =>
      position.broker === 'kafka' ? `${position.topic}/${position.partition}/${position.offset}` : '',
    );
  return { clock, leg, deliveries, fetching, fetch, places };
}

const FIVE = 'g_retry_5s';
const THIRTY = 'g_retry_30s';

describe('when a retry copy is due', () => {
  const rule = { delayMs: 5_000, nowMs: START_MS + 1_000 };

  test.each([
    ['at its due time', { dueMs: START_MS + 3_000 }, START_MS + 3_000],
    ['no later than the delay after it was written', { dueMs: START_MS + 60_000 }, START_MS + 5_000],
    ['without a due time, the delay after it was written', {}, START_MS + 5_000],
    ['without any time, the delay after it was seen', { writtenMs: -1 }, START_MS + 6_000],
    [
      'from a clock ahead, the delay after it was seen',
      { writtenMs: START_MS + 1e9, dueMs: START_MS + 2e9 },
      START_MS + 6_000,
    ],
  ])('%s', (_, times, due) => {
    expect(dueTimeOf(recordOf(0, times), rule)).toBe(due);
  });

  test('a due time that cannot be read, or is there twice, counts as absent', () => {
    for (const header of [Buffer.from('soon'), [Buffer.from('a'), Buffer.from('b')], null]) {
      expect(dueTimeOf({ ...recordOf(0), headers: { 'bc-due-at': header } }, rule)).toBe(START_MS + 5_000);
    }
  });
});

describe('Kafka leg: retry topics', () => {
  test('what is not due waits without capacity and lets everything else pass', async () => {
    const { clock, leg, deliveries, fetch, places } = makeLeg({ capacity: 1 });
    void fetch(THIRTY, [recordOf(0), recordOf(1)]);
    void fetch(FIVE, [recordOf(0)]);
    void fetch('orders', [recordOf(7)]);
    expect(places()).toEqual(['orders/0/7']);
    expect(leg.status()).toMatchObject({ unsettled: 1, waiting: 3 });
    deliveries[0]?.settle();
    await clock.advance(4_999);
    expect(places()).toHaveLength(1);
    await clock.advance(1);
    expect(places()).toEqual(['orders/0/7', `${FIVE}/0/0`]);
    await clock.advance(30_000);
    expect(places()).toHaveLength(2);
    deliveries[1]?.settle();
    deliveries[2]?.settle();
    expect(places().slice(2)).toEqual([`${THIRTY}/0/0`, `${THIRTY}/0/1`]);
  });

  test('a timer that fires early hands nothing over', async () => {
    const { clock, fetch, places } = makeLeg();
    const { schedule } = clock;
    clock.schedule = (callback, delayMs, options) => schedule(callback, delayMs * 0.9, options);
    void fetch(FIVE, [recordOf(0)]);
    await clock.advance(4_999);
    expect(places()).toEqual([]);
    await clock.advance(10);
    expect(places()).toEqual([`${FIVE}/0/0`]);
  });

  test('each partition waits for its own first record only', async () => {
    const { clock, fetch, places } = makeLeg();
    void fetch(FIVE, [recordOf(0, { dueMs: START_MS + 4_000 }), recordOf(1, { dueMs: START_MS + 1_000 })], 0);
    void fetch(FIVE, [recordOf(0, { dueMs: START_MS + 2_000 })], 1);
    await clock.advance(3_000);
    expect(places()).toEqual([`${FIVE}/1/0`]);
    await clock.advance(1_000);
    expect(places()).toEqual([`${FIVE}/1/0`, `${FIVE}/0/0`, `${FIVE}/0/1`]);
  });

  test('a fetch of what waits is not held; fetching of that topic pauses when the buffer is full', async () => {
    const { clock, deliveries, fetching, fetch } = makeLeg({ capacity: 2_000 });
    const records = Array.from({ length: 999 }, (_, offset) => recordOf(offset));
    expect(fetch(FIVE, records)).toBeUndefined();
    expect(fetching[FIVE]).toBeUndefined();
    void fetch(FIVE, [recordOf(999)]);
    expect(fetching).toEqual({ [FIVE]: false });
    await clock.advance(5_000);
    expect(deliveries).toHaveLength(1_000);
    expect(fetching).toEqual({ [FIVE]: true });
  });

  test('large copies fill the buffer by their bytes', () => {
    const { fetching, fetch } = makeLeg();
    for (let offset = 0; offset < 4; offset += 1) {
      expect(fetching[FIVE]).toBeUndefined();
      void fetch(FIVE, [recordOf(offset, { bytes: 1024 * 1024 })], offset % 2);
    }
    expect(fetching[FIVE]).toBe(false);
  });

  test('what was fetched before a pause is handed over after it, if it is due by then', async () => {
    const { clock, leg, fetching, fetch, places } = makeLeg();
    void fetch(FIVE, [recordOf(0)]);
    leg.pause();
    await clock.advance(6_000);
    expect(places()).toEqual([]);
    leg.resume();
    expect(places()).toEqual([`${FIVE}/0/0`]);
    expect(fetching[FIVE]).toBe(true);
  });

  test('a lost partition takes what waits in it along', async () => {
    const { clock, leg, fetch, places } = makeLeg();
    void fetch(FIVE, [recordOf(0)], 0);
    void fetch(FIVE, [recordOf(0)], 1);
    leg.assign((topic) => (topic === FIVE ? [1] : []), false);
    await clock.advance(6_000);
    expect(places()).toEqual([`${FIVE}/1/0`]);
    expect(leg.status()).toMatchObject({ unsettled: 1, waiting: 0 });
  });

  test('a leg that drains hands over nothing that becomes due, and leaves no timer', async () => {
    const { clock, leg, fetch, places } = makeLeg();
    void fetch(FIVE, [recordOf(0)]);
    await leg.drain();
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(6_000);
    expect(places()).toEqual([]);
  });

  test('a draining leg reads retry topics only', () => {
    expect([...makeLeg({ role: 'draining' }).leg.feeds.keys()]).toEqual(['g_retry_0s', FIVE, THIRTY]);
    expect([...makeLeg().leg.feeds.keys()]).toEqual(['orders', 'g_retry_0s', FIVE, THIRTY]);
  });

  test('copies that come and go without a gap are handed over once each, in order', async () => {
    const { clock, deliveries, fetch, places } = makeLeg();
    let settled = 0;
    for (let offset = 0; offset < 5_000; offset += 1) {
      void fetch(FIVE, [recordOf(offset, { writtenMs: clock.epochMs() })]);
      await clock.advance(10);
      for (; settled < deliveries.length; settled += 1) deliveries[settled]?.settle();
    }
    expect(places()).toEqual(Array.from({ length: 4_501 }, (_, offset) => `${FIVE}/0/${offset}`));
  });
});
