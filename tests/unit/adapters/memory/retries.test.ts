import { describe, expect, it } from '@jest/globals';
import type { BrokerPort } from '../../../../src/contract/broker.js';
import type { AnyConsumer } from '../../../../src/contract/consumer.js';
import type { FakeClock } from '../../../../src/testing/fake-clock.js';
import {
  attach,
  consumerOf,
  logWorld,
  messageOf,
  publishing,
  queueWorld,
  settleMicrotasks,
  ticketOf,
  topicOf,
} from './harness.js';

const consumer = consumerOf({ retry: { deferred: [1_000, 5_000] } });

/** Stores a copy as the pipeline does; `dueInMs` is when it says that it is due. */
async function put(
  world: { broker: BrokerPort; clock: FakeClock; consumer?: AnyConsumer },
  delayMs: number,
  { id, dueInMs = delayMs }: { id: string; dueInMs?: number },
): Promise<void> {
  const nowMs = world.clock.epochMs();
  const headers = { 'bc-due-at': new Date(nowMs + dueInMs).toISOString(), 'bc-attempt': '2' };
  const published = ticketOf({ ...messageOf(id, { key: 'k', headers }), timestampMs: nowMs });
  const destination = { kind: 'retry', consumer: world.consumer ?? consumer, delayMs } as const;
  world.broker.publisher(destination).publish(published.ticket);
  await settleMicrotasks();
  expect(published.outcome).toEqual({ status: 'stored' });
}

describe.each([
  ['log', logWorld],
  ['queue', queueWorld],
] as const)('retries on the embedded %s', (product, createWorld) => {
  async function ready() {
    const world = createWorld();
    const { broker } = await world.client();
    await broker.provision({ topics: [topicOf()], consumers: [consumer] });
    return { ...world, broker };
  }

  it('come back after their delay, never before, and a longer one holds up no shorter one', async () => {
    const world = await ready();
    const { ids } = await attach(world.broker, { consumer });
    await put(world, 5_000, { id: 'long' });
    await put(world, 1_000, { id: 'short' });
    await world.clock.advance(999);
    publishing(world.broker).send('other', { key: 'k' }); // has the leg look at everything once more
    await settleMicrotasks();
    expect(ids()).toEqual(['other']);
    await world.clock.advance(1);
    expect(ids()).toEqual(['other', 'short']);
    await world.clock.advance(3_999);
    expect(ids()).toEqual(['other', 'short']);
    await world.clock.advance(1);
    expect(ids()).toEqual(['other', 'short', 'long']);
  });

  it('come back at once from the place without a delay', async () => {
    const world = await ready();
    const { ids } = await attach(world.broker, { consumer });
    await put(world, 0, { id: 'replay' });
    await world.clock.advance(0);
    expect(ids()).toEqual(['replay']);
  });

  it('come back to their consumer alone', async () => {
    const world = await ready();
    const other = consumerOf({ name: 'other', group: 'other-group', retry: { deferred: [1_000] } });
    await world.broker.provision({ topics: [], consumers: [other] });
    const own = await attach(world.broker, { consumer });
    const others = await attach(world.broker, { consumer: other });
    await put(world, 1_000, { id: 'mine' });
    await world.clock.advance(10_000);
    expect({ own: own.ids(), others: others.ids() }).toEqual({ own: ['mine'], others: [] });
  });

  it('wait for a consumer that is away, and are there when it comes back', async () => {
    const world = await ready();
    const first = await attach(world.broker, { consumer });
    await put(world, 1_000, { id: 'one' });
    await first.leg.detach({ deadlineMs: 0 });
    await world.clock.advance(10_000);
    const second = await attach(world.broker, { consumer });
    await world.clock.advance(0);
    expect(second.ids()).toEqual(['one']);
    second.settleAll();
    await second.leg.detach({ deadlineMs: 0 });
    const third = await attach(world.broker, { consumer });
    await world.clock.advance(10_000);
    expect({ first: first.ids(), third: third.ids() }).toEqual({ first: [], third: [] });
  });

  it('of a delay that left the list still come', async () => {
    const world = await ready();
    await put(world, 5_000, { id: 'left' });
    const changed = consumerOf({ retry: { deferred: [1_000] } });
    await world.broker.provision({ topics: [], consumers: [changed] });
    const { ids } = await attach(world.broker, { consumer: changed });
    await world.clock.advance(5_000);
    expect(ids()).toEqual(['left']);
  });

  it('keep a consumer’s new messages flowing while they wait', async () => {
    const world = await ready();
    const { ids } = await attach(world.broker, { consumer, capacity: 1 });
    await put(world, 5_000, { id: 'waiting' });
    publishing(world.broker).send('new', { key: 'k' });
    await settleMicrotasks();
    expect(ids()).toEqual(['new']);
  });

  if (product === 'log') {
    it('that are due before their delay is over come when they are due', async () => {
      const world = await ready();
      const { ids } = await attach(world.broker, { consumer });
      await put(world, 5_000, { id: 'soon', dueInMs: 300 });
      await world.clock.advance(299);
      expect(ids()).toEqual([]);
      await world.clock.advance(1);
      expect(ids()).toEqual(['soon']);
    });

    it('are all that a draining leg reads, beside live ones of its group', async () => {
      const world = await ready();
      const live: string[] = [];
      const drained: (string | null)[] = [];
      await world.broker.attach({
        consumer,
        role: 'draining',
        capacity: 10,
        deliver: ({ message }) => drained.push(message.id),
      });
      const { send } = publishing(world.broker);
      for (let n = 0; n < 20; n += 1) send(`m${n}`);
      await put(world, 1_000, { id: 'retry' });
      await world.clock.advance(1_000);
      expect(drained).toEqual(['retry']);
      await attach(world.broker, { consumer, onDelivery: ({ message }) => live.push(String(message.id)) });
      await settleMicrotasks();
      expect(live.filter((id) => id !== 'retry')).toHaveLength(20); // every partition of the topic is the live leg's
    });
  }
});
