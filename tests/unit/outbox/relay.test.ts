import { describe, expect, test } from '@jest/globals';
import { defineTopic } from '../../../src/index.js';
import { watch } from '../bus/harness.js';
import { changed, openFleet, orders } from './harness.js';

const numbers = (arrivals: readonly { readonly n: number }[]): number[] => arrivals.map(({ n }) => n);

describe('a publish with a session', () => {
  test('is sent to every broker of the route after the commit, with one id, and leaves the outbox', async () => {
    const { open, clock, outbox, arrived } = await openFleet();
    const bus = await open();
    const transaction = outbox.begin();
    const { session } = transaction;
    const receipt = await bus.publish(orders, { n: 1 }, { session });
    expect(receipt).toMatchObject({ brokers: { kafka: 'outbox', rabbitmq: 'outbox' } });
    await clock.advance(5_000);
    expect(arrived).toEqual({ kafka: [], rabbitmq: [] });
    transaction.commit();
    await clock.advance(1_000);
    expect(arrived).toEqual({ kafka: [{ id: receipt.id, n: 1 }], rabbitmq: [{ id: receipt.id, n: 1 }] });
    expect(outbox.size).toBe(0);
  });

  test('is never sent when the transaction is aborted (C46)', async () => {
    const { open, clock, outbox, arrived } = await openFleet();
    const bus = await open();
    const transaction = outbox.begin();
    const { session } = transaction;
    await bus.publish(orders, { n: 1 }, { session });
    transaction.abort();
    await clock.advance(60_000);
    expect(arrived).toEqual({ kafka: [], rabbitmq: [] });
    expect(outbox.size).toBe(0);
  });

  test('is refused without an open transaction (C46)', async () => {
    const { open, outbox } = await openFleet();
    const bus = await open();
    const transaction = outbox.begin();
    const { session } = transaction;
    transaction.commit();
    for (const none of [session, null as never]) {
      await expect(bus.publish(orders, { n: 1 }, { session: none })).rejects.toMatchObject({
        code: 'BC_TRANSACTION_REQUIRED',
      });
    }
  });

  test('is refused when the id is in the outbox for this topic already, not for another one (C47)', async () => {
    const { open, clock, outbox } = await openFleet();
    const refunds = defineTopic({ name: 'refunds' });
    const bus = await open({ topics: [orders, refunds], relay: false });
    const first = outbox.begin();
    await bus.publish(orders, { n: 1 }, { session: first.session, id: 'one' });
    await bus.publish(refunds, { n: 1 }, { session: first.session, id: 'one' });
    first.commit();
    const second = outbox.begin();
    await expect(bus.publish(orders, { n: 2 }, { session: second.session, id: 'one' })).rejects.toMatchObject(
      {
        code: 'BC_OUTBOX_DUPLICATE',
        retriable: false,
      },
    );
    expect(second.isOpen).toBe(false);
    await clock.advance(10_000);
    expect(outbox.size).toBe(2);
  });

  test('is refused without an outbox', async () => {
    const { open, outbox } = await openFleet();
    const bus = await open({ outbox: null });
    await expect(bus.publish(orders, { n: 1 }, { session: outbox.begin().session })).rejects.toMatchObject({
      code: 'BC_DEFINITION_INVALID',
    });
  });

  test('has the routing key that a function of its data gives, and the time of its sending', async () => {
    const { open, clock, outbox, queues } = await openFleet();
    const routed = defineTopic<{ shop: string }>({
      name: 'routed',
      rabbitmq: { routingKey: ({ data }) => `shop.${(data as { shop: string }).shop}` },
    });
    const bus = await open({ topics: [orders, routed] });
    queues.declareQueue({ name: 'tap' });
    queues.bind('tap', 'routed', 'shop.a');
    const transaction = outbox.begin();
    const { session } = transaction;
    await bus.publish(routed, { shop: 'a' }, { session, headers: { note: 'kept' } });
    const publishedAtMs = clock.epochMs();
    await clock.advance(3_600_000);
    transaction.commit();
    await clock.advance(1_000);
    const [message] = queues.read('tap');
    expect(message?.headers).toMatchObject({
      note: 'kept',
      'bc-published-at': new Date(publishedAtMs).toISOString(),
    });
    expect(message?.timestampMs).toBeGreaterThanOrEqual(publishedAtMs + 3_600_000);
  });

  test('is validated and measured before it is stored', async () => {
    const { open, outbox } = await openFleet();
    const bus = await open();
    const transaction = outbox.begin();
    const { session } = transaction;
    const big = { n: 1, user: 'x'.repeat(5_000) };
    await expect(bus.publish(orders, big, { session })).rejects.toMatchObject({ code: 'BC_MESSAGE_INVALID' });
    const body = { n: 1, text: 'x'.repeat(2_000_000) };
    await expect(bus.publish(orders, body, { session })).rejects.toMatchObject({
      code: 'BC_MESSAGE_TOO_LARGE',
    });
    transaction.commit();
    expect(outbox.size).toBe(0);
  });
});

describe('an outbox that does not answer', () => {
  const never = (): Promise<never> => new Promise(() => undefined);

  test('is waited for 10 s by a publish, or as long as it says', async () => {
    for (const [timeoutMs, given] of [
      [10_000, {}],
      [2_000, { timeoutMs: 2_000 }],
    ] as const) {
      const { open, clock, outbox } = await openFleet();
      const bus = await open({ outbox: changed(outbox, { ...given, add: never }), relay: false });
      const publishing = watch(bus.publish(orders, { n: 1 }, { session: outbox.begin().session }));
      await clock.advance(timeoutMs - 1);
      expect(publishing.isOver).toBe(false);
      await clock.advance(1);
      expect(publishing.error).toMatchObject({
        code: 'BC_OUTBOX_UNAVAILABLE',
        message: expect.stringContaining(`The outbox did not answer within ${timeoutMs} ms.`),
      });
    }
  });

  test('refuses the start, which can be tried again', async () => {
    const { open, clock, outbox } = await openFleet();
    let isFrozen = true;
    const bus = await open({
      outbox: changed(outbox, { start: () => (isFrozen ? never() : undefined) }),
      starts: false,
    });
    const starting = watch(bus.start());
    await clock.advance(10_000);
    expect(starting.error).toMatchObject({ code: 'BC_OUTBOX_UNAVAILABLE' });
    isFrozen = false;
    const again = watch(bus.start());
    await clock.advance(100);
    expect(again).toEqual({ isOver: true });
  });

  test('is away for the relay after 10 s, which goes on when it answers', async () => {
    const { open, clock, outbox, arrived, names } = await openFleet();
    let isFrozen = false;
    const bus = await open({
      outbox: changed(outbox, { read: (wanted) => (isFrozen ? never() : outbox.read(wanted)) }),
    });
    isFrozen = true;
    await clock.advance(11_500); // the pumps look once a second
    expect(names()).toEqual(['outbox-lost']);
    expect(bus.health()).toMatchObject({ outbox: { state: 'away' } });
    const transaction = outbox.begin();
    await bus.publish(orders, { n: 1 }, { session: transaction.session });
    transaction.commit();
    isFrozen = false;
    await clock.advance(12_000);
    expect(numbers(arrived.kafka)).toEqual([1]);
    expect(bus.health()).toMatchObject({ outbox: { state: 'relaying' } });
  });
});

describe('the relay', () => {
  test('repeats with the same id what a dead one sent and had not marked (C45)', async () => {
    const { open, clock, outbox, arrived } = await openFleet();
    const never = new Promise<never>(() => undefined);
    let marks = 0;
    const dying = changed(outbox, {
      markStored: () => {
        marks += 1;
        return never;
      },
      // As a killed process: it renews nothing and gives nothing back.
      renew: (relay) => (marks > 0 ? never : outbox.renew(relay)),
      release: () => never,
    });
    const bus = await open({ outbox: dying });
    const transaction = outbox.begin();
    const { session } = transaction;
    const { id } = await bus.publish(orders, { n: 1 }, { session });
    transaction.commit();
    await clock.advance(1_000);
    expect(marks).toBeGreaterThan(0);
    expect(outbox.size).toBe(1);
    await open();
    await clock.advance(9_000);
    expect(arrived.kafka.length + arrived.rabbitmq.length).toBe(2);
    await clock.advance(15_000);
    expect(arrived).toEqual({
      kafka: [
        { id, n: 1 },
        { id, n: 1 },
      ],
      rabbitmq: [
        { id, n: 1 },
        { id, n: 1 },
      ],
    });
    expect(outbox.size).toBe(0);
  });

  test('serves one broker while the other is down, and catches up in order', async () => {
    const { open, clock, outbox, log, arrived } = await openFleet();
    const bus = await open();
    log.faults.goDown();
    for (let n = 1; n <= 50; n += 1) {
      const transaction = outbox.begin();
      const { session } = transaction;
      await bus.publish(orders, { n, user: 'one' }, { session });
      transaction.commit();
    }
    await clock.advance(5_000);
    const all = Array.from({ length: 50 }, (_, index) => index + 1);
    expect(numbers(arrived.rabbitmq)).toEqual(all);
    expect(arrived.kafka).toEqual([]);
    await clock.advance(60_000);
    expect(bus.health()).toMatchObject({ ok: false, outbox: { state: 'lagging', pending: 50 } });
    log.faults.comeUp();
    await clock.advance(60_000);
    expect(numbers(arrived.kafka)).toEqual(all);
    expect(numbers(arrived.rabbitmq)).toEqual(all);
    expect(bus.health()).toMatchObject({ outbox: { state: 'relaying', pending: 0, oldestAgeMs: 0 } });
  });

  test('lets nothing of a key overtake what is refused for now, and holds up no other key', async () => {
    const { open, clock, outbox, queues, arrived } = await openFleet();
    const bus = await open();
    const fault = queues.faults.refuse({ count: 3, matches: ({ key }) => key === 'bad' });
    const transaction = outbox.begin();
    const { session } = transaction;
    for (let n = 1; n <= 5; n += 1) await bus.publish(orders, { n, user: 'bad' }, { session });
    for (let n = 11; n <= 15; n += 1) await bus.publish(orders, { n, user: 'good' }, { session });
    transaction.commit();
    await clock.advance(100);
    expect(fault.hits).toBeGreaterThan(0);
    expect(numbers(arrived.rabbitmq)).toEqual([11, 12, 13, 14, 15]);
    await clock.advance(20_000);
    expect(fault.hits).toBe(3);
    expect(numbers(arrived.rabbitmq)).toEqual([11, 12, 13, 14, 15, 1, 2, 3, 4, 5]);
  });

  test('goes on with the other keys while one is not answered', async () => {
    const { open, clock, outbox, queues, arrived } = await openFleet();
    const bus = await open();
    const hold = queues.faults.holdReplies({ count: 2, matches: ({ key }) => key === 'slow' });
    const publish = async (n: number, user: string): Promise<void> => {
      const transaction = outbox.begin();
      const { session } = transaction;
      await bus.publish(orders, { n, user }, { session });
      transaction.commit();
    };
    await publish(1, 'slow');
    await publish(2, 'slow');
    await clock.advance(1_000);
    for (let n = 11; n <= 13; n += 1) {
      await publish(n, `quick-${n}`);
      await clock.advance(500);
    }
    expect(hold.hits).toBe(1);
    expect(numbers(arrived.rabbitmq)).toEqual([1, 11, 12, 13]);
    hold.release();
    await clock.advance(1_000);
    expect(numbers(arrived.rabbitmq)).toEqual([1, 11, 12, 13, 2]);
  });

  test('sends a key with more rows than fit at once in order, without a pause in between', async () => {
    const { open, clock, outbox, log } = await openFleet();
    const bus = await open({ relay: false });
    const transaction = outbox.begin();
    const { session } = transaction;
    for (let n = 1; n <= 1_200; n += 1) await bus.publish(orders, { n, user: 'one' }, { session });
    transaction.commit();
    await open();
    await clock.advance(100);
    for (let step = 0; step < 500; step += 1) await clock.advance(0); // time stands still
    const stored = log.read('orders').map(({ body }) => JSON.parse(String(body)).n);
    expect(stored).toEqual(Array.from({ length: 1_200 }, (_, index) => index + 1));
  });

  test('parks what a broker refuses for good, tells it, and tries it again when asked to', async () => {
    const { open, clock, outbox, queues, arrived, told } = await openFleet();
    const unheard = defineTopic({ name: 'unheard' }); // no queue is bound: refused by RabbitMQ, not by Kafka
    const bus = await open({ topics: [orders, unheard] });
    const transaction = outbox.begin();
    const { session } = transaction;
    await bus.publish(unheard, { n: 1 }, { session, id: 'poison' });
    await bus.publish(orders, { n: 2 }, { session });
    transaction.commit();
    await clock.advance(10_000);
    expect(told).toMatchObject([
      {
        name: 'outbox-parked',
        event: { topic: 'unheard', id: 'poison', broker: 'rabbitmq', error: { code: 'BC_UNROUTABLE' } },
      },
    ]);
    expect(numbers(arrived.rabbitmq)).toEqual([2]);
    expect(bus.health()).toMatchObject({ outbox: { pending: 0, parked: 1 } });
    expect(outbox.size).toBe(1);
    queues.declareQueue({ name: 'late' });
    queues.bind('late', 'unheard', '#');
    expect(outbox.reopen()).toBe(1);
    await clock.advance(2_000);
    expect(outbox.size).toBe(0);
    expect(queues.read('late').map(({ id }) => id)).toEqual(['poison']);
  });

  test('shares the work with another one that comes and goes: nothing lost or twice, order per key', async () => {
    const { open, clock, outbox, log, queues } = await openFleet();
    const bus = await open();
    queues.declareQueue({ name: 'tap' });
    queues.bind('tap', 'orders', '#');
    const users = Array.from({ length: 30 }, (_, index) => `user-${index}`);
    const publishRound = async (n: number): Promise<void> => {
      const transaction = outbox.begin();
      const { session } = transaction;
      for (const user of users) await bus.publish(orders, { n, user }, { session });
      transaction.commit();
    };
    for (let n = 1; n <= 10; n += 1) await publishRound(n);
    const second = await open();
    for (let n = 11; n <= 20; n += 1) {
      await publishRound(n);
      await clock.advance(1_000);
    }
    const closing = second.close();
    for (let n = 21; n <= 30; n += 1) {
      await publishRound(n);
      await clock.advance(500);
    }
    await closing;
    await clock.advance(10_000);
    for (const messages of [log.read('orders'), queues.read('tap')]) {
      expect(messages).toHaveLength(users.length * 30);
      for (const user of users) {
        const ofUser = messages.filter(({ key }) => key === user);
        const order = ofUser.map(({ body }) => JSON.parse(String(body)).n);
        expect(order).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
      }
    }
    expect(outbox.size).toBe(0);
  });

  test('goes on by itself after the store was away', async () => {
    const { open, clock, outbox, arrived, names } = await openFleet();
    let isAway = false;
    const away = changed(outbox, {
      read: (wanted) => (isAway ? Promise.reject(new Error('no primary')) : outbox.read(wanted)),
      renew: (relay) => (isAway ? Promise.reject(new Error('no primary')) : outbox.renew(relay)),
      backlog: (broker) => (isAway ? Promise.reject(new Error('no primary')) : outbox.backlog(broker)),
    });
    const bus = await open({ outbox: away });
    isAway = true;
    const transaction = outbox.begin();
    const { session } = transaction;
    await bus.publish(orders, { n: 1 }, { session });
    transaction.commit();
    await clock.advance(20_000);
    expect(names()).toEqual(['outbox-lost']);
    expect(bus.health()).toMatchObject({ ok: false, outbox: { state: 'away', lanes: 0 } });
    isAway = false;
    await clock.advance(5_000);
    expect(names()).toEqual(['outbox-lost', 'outbox-recovered']);
    expect(numbers(arrived.kafka)).toEqual([1]);
  });

  test('gives its lanes to the others at once when it closes', async () => {
    const { open, clock, outbox, arrived } = await openFleet();
    const first = await open();
    const second = await open();
    await clock.advance(20_000);
    const lanesOf = (bus: typeof first): number | undefined => bus.health().outbox?.lanes;
    expect([lanesOf(first), lanesOf(second)]).toEqual([16, 16]);
    const closing = first.close();
    await clock.advance(0);
    await closing;
    await clock.advance(5_000);
    expect(lanesOf(second)).toBe(32);
    const transaction = outbox.begin();
    const { session } = transaction;
    for (let n = 1; n <= 40; n += 1) await second.publish(orders, { n }, { session });
    transaction.commit();
    await clock.advance(2_000);
    expect(numbers(arrived.kafka).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  test('does not run in a process that only publishes', async () => {
    const { open, clock, outbox } = await openFleet();
    const bus = await open({ relay: false });
    const transaction = outbox.begin();
    const { session } = transaction;
    await bus.publish(orders, { n: 1 }, { session });
    transaction.commit();
    await clock.advance(60_000);
    expect(outbox.size).toBe(1);
    expect(bus.health().outbox).toBeUndefined();
  });
});
