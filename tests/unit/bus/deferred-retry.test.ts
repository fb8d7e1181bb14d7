import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AnyConsumer, ConsumerOptions } from '../../../src/contract/consumer.js';
import { defineConsumer, memoryInbox } from '../../../src/index.js';
import { billing, openTestBus, orders, type TestBus, type TestBusOptions } from './harness.js';

const RETRY = {
  inline: { attempts: 1 },
  deferred: ['5s', '60s'],
} satisfies ConsumerOptions<unknown>['retry'];

const FEEDS = [
  { broker: 'rabbitmq', retryPlace: 'billing-group_retry_5s' },
  { broker: 'kafka', retryPlace: 'billing-group_retry_5s' },
] as const;

describe.each(FEEDS)('deferred retry of a consumer that $broker feeds', ({ broker, retryPlace }) => {
  const runs: string[] = [];
  const failing = new Set<string>();

  const consumer = (): AnyConsumer =>
    billing({
      retry: RETRY,
      handle: ({ id, publishedAt, headers }, { attempt }) => {
        runs.push(`${id}#${attempt}`);
        expect(publishedAt?.toISOString()).toBe(headers['bc-published-at']);
        if (failing.has(id)) throw new Error('no');
      },
    });

  async function open(options: TestBusOptions = {}): Promise<TestBus> {
    const env = { CONSUMER_BILLING_BROKER: broker };
    const world = await openTestBus({ env, consumers: [consumer()], ...options });
    await world.start();
    return world;
  }

  const faultsOf = ({ log, queues }: TestBus) => (broker === 'kafka' ? log : queues).faults;

  const waiting = ({ log, queues }: TestBus): number =>
    broker === 'kafka' ? log.lag('billing-group', 'orders') : queues.depth('billing-group');

  async function crash(world: TestBus): Promise<void> {
    const closing = world.bus.close({ deadlineMs: 0 });
    await world.clock.advance(10_000);
    await closing;
  }

  beforeEach(() => {
    runs.length = 0;
    failing.clear();
  });

  it('runs through its delays, keeps a later message of the key flowing, and ends in the dead letters', async () => {
    const world = await open();
    failing.add('bad');
    await world.bus.publish(orders, { n: 1, user: 'u' }, { id: 'bad' });
    await world.bus.publish(orders, { n: 2, user: 'u' }, { id: 'good' });
    await world.clock.advance(0);
    expect(runs).toEqual(['bad#1', 'good#1']);
    await world.clock.advance(4_999);
    expect(runs).toHaveLength(2);
    await world.clock.advance(1);
    expect(runs.slice(2)).toEqual(['bad#2']);
    await world.clock.advance(59_999);
    expect(runs).toHaveLength(3);
    await world.clock.advance(1);
    expect(runs.slice(3)).toEqual(['bad#3']);
    expect(world.told.filter(({ name }) => name === 'dead-lettered')).toMatchObject([
      { event: { id: 'bad', broker, reason: 'attempts' } },
    ]);
    expect(waiting(world)).toBe(0);
  });

  it('keeps counting after a restart while the copy waits', async () => {
    const inbox = memoryInbox();
    const first = await open({ inbox });
    failing.add('bad');
    await first.bus.publish(orders, { n: 1 }, { id: 'bad' });
    await first.clock.advance(0);
    await crash(first);
    failing.clear();
    const second = await open({ inbox, after: first });
    await second.clock.advance(0);
    expect(runs).toEqual(['bad#1', 'bad#2']); // its delay was over long ago
    await second.clock.advance(120_000);
    expect({ runs: runs.length, waiting: waiting(second) }).toEqual({ runs: 2, waiting: 0 });
  });

  it.each([true, false])(
    'has one effect when the process dies after the copy was stored (the original succeeds: %s)',
    async (succeeds) => {
      const inbox = memoryInbox();
      const first = await open({ inbox });
      const fault = faultsOf(first).loseReplies({ place: retryPlace });
      failing.add('one');
      await first.bus.publish(orders, { n: 1 }, { id: 'one' });
      await first.clock.advance(0);
      expect({ hits: fault.hits, waiting: waiting(first) }).toEqual({ hits: 1, waiting: 1 });
      await crash(first);
      if (succeeds) failing.clear();
      const second = await open({ inbox, after: first });
      await second.clock.advance(0);
      failing.clear();
      await second.clock.advance(300_000);
      const effects = runs.filter((_, index) => index > 0).length;
      // Original and copy, or two copies of one attempt: one of them has the effect, the other is recognised.
      expect({ effects, waiting: waiting(second) }).toEqual({ effects: succeeds ? 1 : 2, waiting: 0 });
      expect(second.names()).not.toContain('dead-lettered');
    },
  );

  it('keeps the message while its retry place takes nothing, and says so', async () => {
    const world = await open();
    const fault = faultsOf(world).refuse({ place: retryPlace, count: Number.POSITIVE_INFINITY });
    failing.add('one');
    await world.bus.publish(orders, { n: 1 }, { id: 'one' });
    await world.clock.advance(60_000);
    expect(waiting(world)).toBe(1);
    expect(world.names()).toContain('retry-store-failed');
    expect(fault.hits).toBeGreaterThan(3);
    fault.remove();
    failing.clear();
    await world.clock.advance(60_000);
    expect({ runs, waiting: waiting(world) }).toEqual({ runs: ['one#1', 'one#2'], waiting: 0 });
  });

  it('probes when everything fails, shows it in health, resumes alone, and leaves other consumers alone', async () => {
    const handled: string[] = [];
    const other = defineConsumer({
      name: 'other',
      topic: orders,
      group: 'other-group',
      handle: ({ id }) => void handled.push(id),
    });
    const world = await open({
      env: { CONSUMER_BILLING_BROKER: broker, CONSUMER_OTHER_BROKER: broker },
      consumers: [consumer(), other],
    });
    for (let n = 0; n < 100; n += 1) {
      failing.add(`m${n}`);
      await world.bus.publish(orders, { n, user: `u${n}` }, { id: `m${n}` });
    }
    await world.clock.advance(120_000);
    expect(handled).toHaveLength(100);
    expect(world.bus.health().consumers).toMatchObject({
      billing: { state: 'recovering', reason: expect.stringContaining('Everything fails') },
      other: { state: 'live' },
    });
    expect(world.bus.health().ok).toBe(false);
    expect(world.names().filter((name) => name === 'retry-stored')).toHaveLength(9);
    expect(world.names()).not.toContain('dead-lettered');
    failing.clear();
    await world.clock.advance(120_000);
    expect(world.bus.health()).toMatchObject({ ok: true, consumers: { billing: { state: 'live' } } });
    expect(waiting(world)).toBe(0);
    const paused = world.names().filter((name) => name === 'consumer-paused' || name === 'consumer-resumed');
    expect(paused).toEqual(['consumer-paused', 'consumer-resumed']);
  });
});
