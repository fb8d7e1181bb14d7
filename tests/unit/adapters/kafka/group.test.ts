import { describe, expect, test } from '@jest/globals';
import { Group } from '../../../../src/adapters/kafka/group.js';
import type { StuckBatch } from '../../../../src/adapters/kafka/poison-letter.js';
import { protocolErrorNamed } from '../../../../src/adapters/kafka/protocol-errors.js';
import type { Delivery, LegRole } from '../../../../src/contract/broker.js';
import type { AnyConsumer, KafkaConsumerSettings } from '../../../../src/contract/consumer.js';
import { defineConsumer } from '../../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../../src/contract/define-topic.js';
import type { BusEventName } from '../../../../src/contract/events.js';
import { createFakeClock } from '../../../../src/testing/fake-clock.js';
import { batchAt, ScriptedDriver, scriptedAdmin } from './scripted-member.js';

const SESSION_MS = 10_000;
const TOPIC = 'orders';

const consumerOf = (topic: string, kafka: KafkaConsumerSettings = {}): AnyConsumer =>
  defineConsumer({
    name: `reader-of-${topic}`,
    topic: defineTopic({ name: topic }),
    group: 'g',
    kafka: { retryPrefix: topic, ...kafka },
    handle: () => {},
  }) as AnyConsumer;

function makeGroup(admin = scriptedAdmin()) {
  const driver = new ScriptedDriver();
  const clock = createFakeClock();
  const buried: StuckBatch[] = [];
  const events: { name: BusEventName; event: object }[] = [];
  const group = new Group('g', {
    driver,
    admin,
    clock,
    random: () => 0.5,
    logger: { level: 'silent', debug() {}, info() {}, warn() {}, error() {}, isLevelEnabled: () => false },
    emit: (name, event) => events.push({ name, event }),
    sessionTimeoutMs: SESSION_MS,
    bury: async (_, stuck) => {
      buried.push(stuck);
      return true;
    },
  });
  const attach = async (
    topic = TOPIC,
    capacity = 100,
    partitions: readonly number[] = [0],
    kafka: KafkaConsumerSettings = {},
  ) => {
    const deliveries: Delivery[] = [];
    const attached = group.attach({
      consumer: consumerOf(topic, kafka),
      capacity,
      deliver: (delivery) => deliveries.push(delivery),
    });
    attached.catch(() => {});
    await clock.advance(50);
    if (driver.startError === null) driver.last.join({ [topic]: partitions });
    return { attached, deliveries };
  };
  const attachLeg = async (...args: Parameters<typeof attach>) => {
    const { attached, deliveries } = await attach(...args);
    return { leg: await attached, deliveries };
  };
  const fetch = (offsets: readonly number[], place: { partition?: number; endOffset?: number } = {}) =>
    driver.last.spec.events.onBatch(batchAt({ topic: TOPIC, ...place }, offsets));
  const told = (name: BusEventName) => events.filter((one) => one.name === name);
  return { group, driver, clock, buried, attach, attachLeg, fetch, told };
}

const offsetsOf = (deliveries: readonly Delivery[]): number[] =>
  deliveries.map(({ message }) => Number(message.body));
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

describe('Kafka group: commits', () => {
  test('what is settled out of order is committed up to the first hole only', async () => {
    const { driver, clock, attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg();
    void fetch(range(0, 6));
    for (const index of [0, 1, 3, 5]) deliveries[index]?.settle();
    await clock.advance(100);
    expect(driver.last.committed(TOPIC, 0)).toBe(2n);
    for (const index of [2, 4]) deliveries[index]?.settle();
    await clock.advance(100);
    expect(driver.last.committed(TOPIC, 0)).toBe(6n);
  });

  test('gaps in the offsets (compaction, transaction markers) do not hold the commit up', async () => {
    const { driver, clock, attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg();
    void fetch([3, 10, 500]);
    for (const delivery of deliveries) delivery.settle();
    await clock.advance(100);
    expect(driver.last.committed(TOPIC, 0)).toBe(501n);
  });

  test('settlements are gathered, and a commit that failed is sent again', async () => {
    const { driver, clock, attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg();
    void fetch(range(0, 50));
    driver.last.commitError = new Error('rebalancing');
    for (const delivery of deliveries) delivery.settle();
    await clock.advance(100);
    driver.last.commitError = null;
    await clock.advance(1_000);
    expect(driver.last.commits).toHaveLength(1);
    expect(driver.last.committed(TOPIC, 0)).toBe(50n);
  });

  test('nothing is committed twice', async () => {
    const { driver, clock, attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg();
    void fetch([0]);
    deliveries[0]?.settle();
    deliveries[0]?.settle();
    await clock.advance(5_000);
    expect(driver.last.commits).toHaveLength(1);
  });
});

describe('Kafka group: rebalances', () => {
  test('a partition that stays is read on: what was delivered is not delivered again', async () => {
    const { driver, clock, attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg();
    void fetch(range(0, 10));
    for (const index of [0, 1, 2]) deliveries[index]?.settle();
    await clock.advance(100);
    driver.last.join({ [TOPIC]: [0] });
    void fetch(range(3, 12));
    expect(offsetsOf(deliveries)).toEqual(range(0, 12));
    for (const delivery of deliveries) delivery.settle();
    await clock.advance(100);
    expect(driver.last.committed(TOPIC, 0)).toBe(12n);
  });

  test('a partition that is lost voids its deliveries: settling them commits nothing', async () => {
    const { driver, clock, attachLeg, fetch } = makeGroup();
    const { leg, deliveries } = await attachLeg(TOPIC, 100, [0, 1]);
    void fetch(range(0, 5), { partition: 0 });
    void fetch(range(0, 5), { partition: 1 });
    driver.last.join({ [TOPIC]: [1] });
    expect(deliveries.map(({ source }) => source.isLost)).toEqual([
      ...range(0, 5).map(() => true),
      ...range(0, 5).map(() => false),
    ]);
    expect(leg.status().unsettled).toBe(5);
    for (const delivery of deliveries) delivery.settle();
    await clock.advance(100);
    expect(driver.last.committed(TOPIC, 0)).toBeNull();
    expect(driver.last.committed(TOPIC, 1)).toBe(5n);
    expect(leg.status().unsettled).toBe(0);
  });

  test('what was settled is not committed any more once its partition is lost', async () => {
    const { driver, clock, attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg(TOPIC, 100, [0, 1]);
    for (const partition of [0, 1]) void fetch(range(0, 5), { partition });
    for (const delivery of deliveries) delivery.settle();
    driver.last.join({ [TOPIC]: [1] });
    await clock.advance(1_000);
    expect(driver.last.committed(TOPIC, 0)).toBeNull();
    expect(driver.last.committed(TOPIC, 1)).toBe(5n);
  });

  test('what waits for a lost partition is not delivered any more', async () => {
    const { driver, attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg(TOPIC, 3);
    void fetch(range(0, 10));
    driver.last.join({ [TOPIC]: [] });
    for (const delivery of [...deliveries]) delivery.settle();
    expect(offsetsOf(deliveries)).toEqual([0, 1, 2]);
  });

  test('a partition that comes back is read from its commit', async () => {
    const { driver, attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg();
    void fetch(range(0, 5));
    driver.last.join({ [TOPIC]: [] });
    driver.last.join({ [TOPIC]: [0] });
    void fetch(range(0, 5));
    expect(offsetsOf(deliveries)).toEqual([...range(0, 5), ...range(0, 5)]);
    expect(deliveries[9]?.source.isLost).toBe(false);
  });

  test('a member that was forgotten begins anew, even where it keeps its partitions', async () => {
    const { driver, attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg();
    void fetch(range(0, 5));
    driver.last.join({ [TOPIC]: [0] }, 'member-2');
    expect(deliveries.every(({ source }) => source.isLost)).toBe(true);
    void fetch(range(0, 5));
    expect(offsetsOf(deliveries)).toEqual([...range(0, 5), ...range(0, 5)]);
  });

  test('a topic that was deleted and made anew is read from its beginning', async () => {
    const { attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg();
    void fetch(range(0, 50));
    void fetch(range(0, 3));
    expect(offsetsOf(deliveries)).toEqual([...range(0, 50), ...range(0, 3)]);
    expect(deliveries[0]?.source.isLost).toBe(true);
    expect(deliveries[50]?.source.isLost).toBe(false);
  });
});

describe('Kafka group: capacity', () => {
  test('no more than the capacity is handed over, in order, and settling makes room', async () => {
    const { attachLeg, fetch } = makeGroup();
    const { leg, deliveries } = await attachLeg(TOPIC, 4);
    void fetch(range(0, 10));
    expect(offsetsOf(deliveries)).toEqual(range(0, 4));
    deliveries[2]?.settle();
    expect(offsetsOf(deliveries)).toEqual(range(0, 5));
    leg.setCapacity(6);
    expect(leg.status()).toMatchObject({ unsettled: 6, waiting: 3 });
  });

  test('a partition that was fetched first, or has a slow key, keeps the others out of their places no longer', async () => {
    const { attachLeg, fetch } = makeGroup();
    const { leg, deliveries } = await attachLeg(TOPIC, 100, [0, 1, 2, 3]);
    const from = (wanted: number): Delivery[] =>
      deliveries.filter(
        ({ message: { position } }) => position.broker === 'kafka' && position.partition === wanted,
      );
    void fetch(range(0, 500), { partition: 0 });
    expect(from(0)).toHaveLength(50); // twice its part of 100
    void fetch(range(0, 500), { partition: 1 });
    expect(from(1)).toHaveLength(50);
    for (let n = 0; n < 400; n += 1) from(1)[n]?.settle();
    expect([from(0).length, from(1).length]).toEqual([50, 450]);
    leg.setCapacity(400);
    expect([from(0).length, from(1).length]).toEqual([200, 500]);
  });

  test('a handler that settles while it is called is not called again from within', async () => {
    const { group, driver, clock } = makeGroup();
    let depth = 0;
    let deepest = 0;
    const seen: number[] = [];
    const attached = group.attach({
      consumer: consumerOf(TOPIC),
      capacity: 1,
      deliver: (delivery) => {
        depth += 1;
        deepest = Math.max(deepest, depth);
        seen.push(Number(delivery.message.body));
        delivery.settle();
        depth -= 1;
      },
    });
    await clock.advance(50);
    driver.last.join({ [TOPIC]: [0] });
    await attached;
    void driver.last.spec.events.onBatch(batchAt({ topic: TOPIC }, range(0, 20_000)));
    expect(seen).toHaveLength(20_000);
    expect(deepest).toBe(1);
  });

  test('a fetch waits for room for a moment, then fetching is paused until half is taken', async () => {
    const { driver, clock, attachLeg, fetch } = makeGroup();
    const { deliveries } = await attachLeg(TOPIC, 10);
    let isReleased = false;
    void Promise.resolve(fetch(range(0, 100))).then(() => {
      isReleased = true;
    });
    await clock.advance(50);
    expect(isReleased).toBe(false);
    await clock.advance(100);
    expect(isReleased).toBe(true);
    expect(driver.last.paused.get(TOPIC)).toBe('all');
    for (let index = 0; index < 44; index += 1) deliveries[index]?.settle();
    expect(driver.last.paused.get(TOPIC)).toBe('all');
    deliveries[44]?.settle();
    expect(driver.last.paused.has(TOPIC)).toBe(false);
  });

  test('pausing stops handing over and fetching, settling goes on; resuming undoes it', async () => {
    const { driver, clock, attachLeg, fetch } = makeGroup();
    const { leg, deliveries } = await attachLeg(TOPIC, 5);
    void fetch(range(0, 8));
    leg.pause();
    for (const delivery of [...deliveries]) delivery.settle();
    await clock.advance(200);
    expect(offsetsOf(deliveries)).toEqual(range(0, 5));
    expect(leg.status().state).toBe('paused');
    expect(driver.last.paused.get(TOPIC)).toBe('all');
    expect(driver.last.committed(TOPIC, 0)).toBe(5n);
    driver.last.join({ [TOPIC]: [0] });
    expect(driver.last.paused.get(TOPIC)).toBe('all');
    leg.resume();
    expect(offsetsOf(deliveries)).toEqual(range(0, 8));
    expect(driver.last.paused.has(TOPIC)).toBe(false);
  });

  test('draining hands over nothing more; what is out can be settled and is committed by detaching', async () => {
    const { driver, clock, attachLeg, fetch } = makeGroup();
    const { leg, deliveries } = await attachLeg(TOPIC, 5);
    void fetch(range(0, 8));
    await leg.drain();
    for (const delivery of [...deliveries]) delivery.settle();
    void fetch(range(8, 20));
    expect(offsetsOf(deliveries)).toEqual(range(0, 5));
    expect(leg.status().state).toBe('draining');
    const member = driver.last;
    const detached = leg.detach({ deadlineMs: 1_000 });
    await clock.advance(500);
    await detached;
    expect(member.committed(TOPIC, 0)).toBe(5n);
    expect(member.hasLeft).toBe(true);
    expect(leg.status().state).toBe('stopped');
  });
});

describe('Kafka group: supervision', () => {
  test('a member that crashes is replaced, and told once however often it fails', async () => {
    const { driver, clock, attachLeg, told } = makeGroup();
    const { leg } = await attachLeg();
    driver.startError = new Error('no coordinator');
    driver.last.spec.events.onCrash(Object.assign(new Error('gone'), { name: 'KafkaJSConnectionError' }));
    expect(leg.status()).toMatchObject({ state: 'recovering', reason: expect.stringContaining('"g"') });
    await clock.advance(3_000);
    expect(driver.members.length).toBeGreaterThan(3);
    expect(told('consumer-failed')).toHaveLength(1);
    driver.startError = null;
    await clock.advance(10_000);
    driver.last.join({ [TOPIC]: [0] }, 'member-2');
    await clock.advance(0);
    expect(leg.status().state).toBe('live');
  });

  test('a member that cannot leave is cut off, and detaching keeps its deadline', async () => {
    const { driver, clock, attachLeg } = makeGroup();
    const { leg } = await attachLeg();
    const member = driver.last;
    member.neverLeaves = true;
    const detached = leg.detach({ deadlineMs: 1_000 });
    await clock.advance(1_100);
    await detached;
    expect(member.isAbandoned).toBe(false);
    await clock.advance(5_000);
    expect(member.isAbandoned).toBe(true);
  });

  test('silence is shown long before it is acted upon', async () => {
    const { driver, clock, attachLeg } = makeGroup();
    const { leg } = await attachLeg();
    await clock.advance(SESSION_MS * 0.5);
    expect(leg.status().state).toBe('live');
    await clock.advance(SESSION_MS * 0.3);
    expect(leg.status()).toMatchObject({ state: 'recovering', reason: expect.stringContaining('8000 ms') });
    driver.last.spec.events.onSign();
    expect(leg.status().state).toBe('live');
  });

  test('a member that falls silent is replaced after two sessions', async () => {
    const { driver, clock, attachLeg, told } = makeGroup();
    await attachLeg();
    const member = driver.last;
    for (let beat = 0; beat < 5; beat += 1) {
      member.spec.events.onSign();
      await clock.advance(SESSION_MS);
    }
    expect(driver.last).toBe(member);
    await clock.advance(2 * SESSION_MS);
    expect(driver.last).not.toBe(member);
    expect(told('consumer-failed')).toHaveLength(1);
    expect(member.hasLeft).toBe(true);
  });

  test('a member that joins again and again is replaced', async () => {
    const { driver, clock, attachLeg } = makeGroup();
    await attachLeg();
    const member = driver.last;
    for (let join = 0; join < 15; join += 1) member.join({ [TOPIC]: [0] });
    await clock.advance(1_000);
    expect(driver.last).not.toBe(member);
  });

  test('what a replaced member still says is ignored', async () => {
    const { driver, clock, attachLeg } = makeGroup();
    const { deliveries } = await attachLeg();
    const old = driver.last;
    old.spec.events.onCrash(Object.assign(new Error('gone'), { name: 'KafkaJSConnectionError' }));
    await clock.advance(1_000);
    driver.last.join({ [TOPIC]: [0] }, 'member-2');
    void old.spec.events.onBatch(batchAt({ topic: TOPIC }, [1, 2, 3]));
    old.spec.events.onCrash(new Error('again'));
    expect(deliveries).toHaveLength(0);
    expect(driver.members).toHaveLength(2);
  });

  test('attaching to a topic that does not exist, or without permission, is refused', async () => {
    for (const [code, name] of [
      [3, 'BC_PLACE_MISSING'],
      [29, 'BC_PERMISSION'],
    ] as const) {
      const { driver, clock, attach, group } = makeGroup(scriptedAdmin({ describe: async () => null }));
      driver.startError = protocolErrorNamed(code);
      const { attached } = await attach();
      await clock.advance(100);
      await expect(attached).rejects.toMatchObject({ code: name });
      expect(group.isEmpty).toBe(true);
    }
  });

  test('two consumers that attach at once make one member with both topics', async () => {
    const { driver, clock, group } = makeGroup();
    const legs = ['a', 'b'].map((topic) =>
      group.attach({ consumer: consumerOf(topic), capacity: 1, deliver: () => {} }),
    );
    await clock.advance(50);
    expect(driver.members).toHaveLength(1);
    expect(driver.last.spec.topics).toEqual(['a', 'a_retry_0s', 'b', 'b_retry_0s']);
    driver.last.join({ a: [0], b: [0] });
    expect(await Promise.all(legs)).toHaveLength(2);
    await expect(
      group.attach({ consumer: consumerOf('a'), capacity: 1, deliver: () => {} }),
    ).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
  });

  test('a consumer that leaves and comes back at once is fed again', async () => {
    const { driver, clock, group } = makeGroup();
    const attach = (topic: string, deliveries: Delivery[] = []) =>
      group.attach({ consumer: consumerOf(topic), capacity: 10, deliver: (one) => deliveries.push(one) });
    const legs = [attach('a'), attach('b')];
    await clock.advance(50);
    driver.last.join({ a: [0], b: [0] });
    const [first] = await Promise.all(legs);
    await first?.detach({ deadlineMs: 1_000 });
    const deliveries: Delivery[] = [];
    const again = attach('a', deliveries);
    await clock.advance(5_000);
    driver.last.join({ a: [0], b: [0] }, 'member-2');
    await again;
    void driver.last.spec.events.onBatch(batchAt({ topic: 'a' }, [0, 1]));
    expect(offsetsOf(deliveries)).toEqual([0, 1]);
  });

  test('a consumer that joins a running group leaves what the other one holds alone', async () => {
    const { driver, clock, attachLeg, group, fetch } = makeGroup();
    const { deliveries } = await attachLeg();
    void fetch(range(0, 5));
    const attached = group.attach({ consumer: consumerOf('other'), capacity: 1, deliver: () => {} });
    await clock.advance(5_000);
    expect(driver.last.spec).toMatchObject({
      topics: [TOPIC, `${TOPIC}_retry_0s`, 'other', 'other_retry_0s'],
      held: { [TOPIC]: [0] },
    });
    driver.last.join({ [TOPIC]: [0], other: [0] }, 'member-2');
    await attached;
    void fetch(range(0, 7));
    expect(offsetsOf(deliveries)).toEqual(range(0, 7));
    expect(deliveries.every(({ source }) => !source.isLost)).toBe(true);
  });
});

describe('Kafka group: retry topics', () => {
  test('a topic of a delay that is not listed is read once something is left in it, for as long as that takes to come', async () => {
    let end = 4n;
    const admin = scriptedAdmin({
      listTopics: async () => [TOPIC, `${TOPIC}_retry_7s`, `${TOPIC}_retry_often`, 'other_retry_7s'],
      edgeOffsets: async (topic, edge) => [
        { partition: 0, offset: topic.endsWith('7s') && edge === 'end' ? end : 0n },
      ],
      groupOffsets: async () => [{ partition: 0, offset: 4n }],
    });
    const { driver, clock, attachLeg } = makeGroup(admin);
    await attachLeg();
    expect(driver.last.spec.topics).toEqual([TOPIC, `${TOPIC}_retry_0s`]);
    end = 5n;
    for (let beat = 0; beat < 12; beat += 1) {
      driver.last.spec.events.onSign();
      await clock.advance(SESSION_MS / 2);
    }
    await clock.advance(3_000);
    expect(driver.last.spec.topics).toEqual([TOPIC, `${TOPIC}_retry_0s`, `${TOPIC}_retry_7s`]);
  });

  test('of two legs of one consumer the first reads the retry topics until it is detached', async () => {
    const { driver, clock, group } = makeGroup();
    const copies = `${TOPIC}_retry_0s`;
    const attach = (role: LegRole, deliveries: Delivery[] = []) => {
      const consumer = consumerOf(TOPIC);
      return group.attach({ consumer, role, capacity: 9, deliver: (one) => deliveries.push(one) });
    };
    const [drained, fresh]: [Delivery[], Delivery[]] = [[], []];
    const draining = attach('draining', drained);
    await clock.advance(50);
    expect(driver.last.spec.topics).toEqual([copies]);
    driver.last.join({ [copies]: [0] });
    const live = attach('live', fresh);
    await clock.advance(5_000);
    driver.last.join({ [copies]: [0], [TOPIC]: [0] });
    await live;
    void driver.last.spec.events.onBatch(batchAt({ topic: copies }, [0, 1]));
    void driver.last.spec.events.onBatch(batchAt({ topic: TOPIC }, [7]));
    expect([offsetsOf(drained), offsetsOf(fresh)]).toEqual([[0, 1], [7]]);
    drained[0]?.settle();
    const leaving = (await draining).detach({ deadlineMs: 100 });
    await clock.advance(5_000);
    await leaving;
    expect(driver.members.at(-2)?.committed(copies, 0)).toBe(1n);
    driver.last.join({ [copies]: [0], [TOPIC]: [0] });
    void driver.last.spec.events.onBatch(batchAt({ topic: copies }, [1, 2]));
    expect(offsetsOf(fresh)).toEqual([7, 1, 2]);
    expect(drained[1]?.source.isLost).toBe(true);
    await expect(attach('live')).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
  });
});

describe('Kafka group: what cannot be decoded', () => {
  const poisonedAt = (offset: bigint) =>
    scriptedAdmin({
      edgeOffsets: async () => [0, 1].map((partition) => ({ partition, offset: 0n })),
      groupOffsets: async () => [0, 1].map((partition) => ({ partition, offset: 0n })),
      readOne: async ({ topic, partition, offset: at }) => {
        if (partition !== 1 || at > offset) return null;
        if (at === offset) throw new RangeError('bad varint');
        return batchAt({ topic, partition, endOffset: 100 }, [Number(at)]);
      },
    });

  test('the culprit is named and paused alone; what stands before it is handed over', async () => {
    const { driver, clock, attachLeg, told, fetch } = makeGroup(poisonedAt(2n));
    const { deliveries } = await attachLeg(TOPIC, 100, [0, 1]);
    driver.last.spec.events.onCrash(new RangeError('bad varint'));
    await clock.advance(1_000);
    driver.last.join({ [TOPIC]: [0, 1] }, 'member-2');
    expect(driver.last.paused.get(TOPIC)).toBe('all');
    await clock.advance(100);
    expect(driver.last.paused.get(TOPIC)).toEqual([1]);
    expect(told('partition-paused')).toEqual([
      {
        name: 'partition-paused',
        event: expect.objectContaining({ topic: TOPIC, partition: 1, offset: '2' }),
      },
    ]);
    expect(offsetsOf(deliveries)).toEqual([0, 1]);
    for (const delivery of deliveries) delivery.settle();
    void fetch([0]);
    await clock.advance(100);
    expect(driver.last.committed(TOPIC, 1)).toBe(2n);
    expect(offsetsOf(deliveries)).toEqual([0, 1, 0]);
  });

  test('it stays paused through rebalances and through pausing, and is told once', async () => {
    const { driver, clock, attachLeg, told } = makeGroup(poisonedAt(0n));
    const { leg } = await attachLeg(TOPIC, 100, [0, 1]);
    driver.last.spec.events.onCrash(new RangeError('bad varint'));
    await clock.advance(1_000);
    driver.last.join({ [TOPIC]: [0, 1] }, 'member-2');
    await clock.advance(100);
    leg.pause();
    leg.resume();
    expect(driver.last.paused.get(TOPIC)).toEqual([1]);
    driver.last.join({ [TOPIC]: [0, 1] }, 'member-2');
    await clock.advance(100);
    expect(driver.last.paused.get(TOPIC)).toEqual([1]);
    expect(told('partition-paused')).toHaveLength(1);
  });

  const skippable = (offset: bigint) =>
    scriptedAdmin({
      ...poisonedAt(offset),
      readOne: async (place) => (place.offset > offset ? null : poisonedAt(offset).readOne(place)),
      readRaw: async () => ({ firstOffset: offset, lastOffset: offset + 4n, bytes: Buffer.from('raw') }),
    });
  const stuckGroup = async (options: Parameters<typeof consumerOf>[1] = {}) => {
    const made = makeGroup(skippable(2n));
    const { leg, deliveries } = await made.attachLeg(TOPIC, 100, [0, 1], options);
    made.driver.last.spec.events.onCrash(new RangeError('bad varint'));
    await made.clock.advance(1_000);
    made.driver.last.join({ [TOPIC]: [0, 1] }, 'member-2');
    await made.clock.advance(100);
    return { ...made, leg, deliveries };
  };
  const at = (offset: string, partition = 1) => ({ topic: TOPIC, partition, offset });

  test('skipping steps over exactly that batch: its bytes are kept, the partition flows, the rest is committed in turn', async () => {
    const { group, driver, clock, deliveries, buried, told } = await stuckGroup();
    const skipped = await group.skip(consumerOf(TOPIC), at('5'));
    expect(skipped).toEqual({
      topic: TOPIC,
      partition: 1,
      firstOffset: '2',
      lastOffset: '6',
      isStored: true,
    });
    expect(buried).toMatchObject([{ batch: { bytes: Buffer.from('raw') } }]);
    expect(told('partition-resumed')).toHaveLength(1);
    expect(driver.last.seeks).toEqual([{ topic: TOPIC, partition: 1, offset: 7n }]);
    expect(driver.last.paused.has(TOPIC)).toBe(false);
    await clock.advance(100);
    expect(driver.last.committed(TOPIC, 1)).toBeNull();
    deliveries[0]?.settle();
    await clock.advance(100);
    expect(driver.last.committed(TOPIC, 1)).toBe(1n);
    deliveries[1]?.settle();
    await clock.advance(100);
    expect(driver.last.committed(TOPIC, 1)).toBe(7n);
  });

  test('what was fetched before the batch and waits is not committed past', async () => {
    const { driver, clock, leg, deliveries } = await stuckGroup();
    for (const delivery of deliveries) delivery.settle();
    await clock.advance(100);
    leg.setCapacity(0);
    expect(driver.last.committed(TOPIC, 1)).toBe(2n);
    const feed = leg.feeds.get(TOPIC);
    void feed?.accept(batchAt({ topic: TOPIC, partition: 0 }, [0, 1]));
    const waiting = feed?.partition(0);
    expect(waiting?.skipTo(5)).toBe(false);
    expect(waiting?.committable()).toBeNull();
    leg.setCapacity(10);
    deliveries.at(-2)?.settle();
    expect(waiting?.committable()).toBe(1);
    deliveries.at(-1)?.settle();
    expect(waiting?.committable()).toBe(5);
  });

  test('a position that is not stuck skips nothing', async () => {
    const { group, driver, buried } = await stuckGroup();
    for (const position of [at('1'), at('7'), at('2', 0), at('2', 9), { ...at('2'), topic: 'other' }]) {
      expect(await group.skip(consumerOf(TOPIC), position)).toBeNull();
    }
    expect(buried).toEqual([]);
    expect(driver.last.paused.get(TOPIC)).toEqual([1]);
  });

  test('a rebalance before the commit is in does not lead back to the batch', async () => {
    const { group, driver, clock, fetch, deliveries } = await stuckGroup();
    await group.skip(consumerOf(TOPIC), at('2'));
    driver.last.seeks.length = 0;
    driver.last.join({ [TOPIC]: [0, 1] }, 'member-2');
    expect(driver.last.seeks).toEqual([{ topic: TOPIC, partition: 1, offset: 7n }]);
    void fetch([7], { partition: 1 });
    for (const delivery of deliveries) delivery.settle();
    await clock.advance(100);
    expect(offsetsOf(deliveries)).toEqual([0, 1, 7]);
    expect(driver.last.committed(TOPIC, 1)).toBe(8n);
    driver.last.seeks.length = 0;
    driver.last.join({ [TOPIC]: [0, 1] }, 'member-2');
    expect(driver.last.seeks).toEqual([]);
  });

  test('a batch that the settings name is stepped over when it is met', async () => {
    const { driver, buried, told } = await stuckGroup({ skip: [`${TOPIC}/1/4`] });
    expect(told('partition-paused')).toHaveLength(0);
    expect(told('partition-resumed')).toHaveLength(1);
    expect(buried).toHaveLength(1);
    expect(driver.last.seeks).toEqual([{ topic: TOPIC, partition: 1, offset: 7n }]);
    expect(driver.last.paused.has(TOPIC)).toBe(false);
  });

  test('the error of a paused partition names the setting that steps over it', async () => {
    const { told } = await stuckGroup();
    const how = `add "${TOPIC}/1/2" to consumers.reader-of-${TOPIC}.kafka.skip`;
    expect(told('partition-paused')).toMatchObject([
      { event: { error: { message: expect.stringContaining(how) } } },
    ]);
  });
});
