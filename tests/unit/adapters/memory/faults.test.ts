import { describe, expect, it } from '@jest/globals';
import {
  attach,
  consumerOf,
  logWorld,
  publishing,
  queueWorld,
  settleMicrotasks,
  type Told,
  topicOf,
} from './harness.js';

const names = (told: readonly Told[]): string[] => told.map((one) => one.name);

describe.each([
  ['log', logWorld],
  ['queue', queueWorld],
] as const)('faults of the embedded %s', (product, createWorld) => {
  const place = product === 'log' ? 'orders' : 'billing-group';
  const exchangeOrTopic = 'orders';

  async function ready() {
    const world = createWorld();
    const { broker, told } = await world.client();
    await broker.provision({ topics: [topicOf()], consumers: [consumerOf()] });
    const stored = (): (string | null)[] => world.store.read(place).map((one) => one.id);
    return { ...world, broker, told, stored, ...publishing(broker) };
  }

  it('refuses as many publishes as it was told to, and stores nothing of them', async () => {
    const { send, settled, store, stored } = await ready();
    const fault = store.faults.refuse({ count: 2 });
    for (const id of ['a', 'b', 'c']) send(id);
    await settleMicrotasks();
    expect(settled).toEqual(['a:failed', 'b:failed', 'c:stored']);
    expect(stored()).toEqual(['c']);
    expect(fault.hits).toBe(2);
  });

  it('hits only the place and the messages that it was planted for, until it is removed', async () => {
    const { send, settled, store } = await ready();
    const elsewhere = store.faults.refuse({ place: 'elsewhere', count: Infinity });
    const odd = store.faults.refuse({
      place: exchangeOrTopic,
      count: Infinity,
      matches: ({ id }) => id.startsWith('odd'),
    });
    for (const id of ['odd1', 'even', 'odd2']) send(id);
    await settleMicrotasks();
    odd.remove();
    send('odd3');
    await settleMicrotasks();
    expect(settled).toEqual(['odd1:failed', 'even:stored', 'odd2:failed', 'odd3:stored']);
    expect([elsewhere.hits, odd.hits]).toEqual([0, 2]);
  });

  it('stores a message whose reply it loses, and answers those behind it', async () => {
    const { send, settled, store, stored, broker } = await ready();
    const fault = store.faults.loseReplies();
    const lost = send('lost');
    send('next');
    await settleMicrotasks();
    expect(settled).toEqual(['next:stored']);
    expect(stored().sort()).toEqual(['lost', 'next']);
    expect(fault.hits).toBe(1);
    expect(broker.health().pendingPublishes).toBe(1);
    lost.ticket.abandon('BC_PUBLISH_TIMEOUT', 'Nobody answered.');
    expect(lost.outcome?.status).toBe('uncertain');
  });

  it('holds replies until they are released, in order', async () => {
    const { send, settled, store, stored } = await ready();
    const held = store.faults.holdReplies({ count: 2 });
    for (const id of ['a', 'b', 'c']) send(id);
    await settleMicrotasks();
    expect(settled).toEqual(['c:stored']);
    expect(stored().sort()).toEqual(['a', 'b', 'c']);
    held.release();
    expect(settled).toEqual(['c:stored', 'a:stored', 'b:stored']);
    expect(held.hits).toBe(2);
  });

  it('delays a message by the clock, and everything of the client behind it', async () => {
    const { send, settled, store, stored, clock } = await ready();
    const fault = store.faults.delay({ delayMs: 100 });
    send('slow', { key: 'k' });
    send('behind', { key: 'k' });
    await clock.advance(99);
    expect([settled, stored()]).toEqual([[], []]);
    await clock.advance(1);
    expect(settled).toEqual(['slow:stored', 'behind:stored']);
    expect(stored()).toEqual(['slow', 'behind']);
    expect(fault.hits).toBe(1);
  });

  it('stores a delayed message although its owner gave up: the outcome was truly uncertain', async () => {
    const { send, store, stored, clock } = await ready();
    store.faults.delay({ delayMs: 1_000 });
    const { ticket } = send('slow');
    await clock.advance(500);
    ticket.abandon('BC_PUBLISH_TIMEOUT', 'Too slow.');
    await clock.advance(500);
    expect(stored()).toEqual(['slow']);
  });

  it('meets other faults when a delayed message arrives', async () => {
    const { send, settled, store, clock } = await ready();
    store.faults.delay({ delayMs: 100 });
    store.faults.refuse({ matches: ({ id }) => id === 'refused' });
    send('slow');
    send('refused');
    await clock.advance(100);
    expect(settled).toEqual(['slow:stored', 'refused:failed']);
  });

  it('sends unanswered messages again after a lost connection, before those that wait', async () => {
    const { send, settled, store, stored, clock, told } = await ready();
    store.faults.loseReplies({ count: 2 });
    send('a', { key: 'k' });
    send('b', { key: 'k' });
    await settleMicrotasks();
    expect(store.faults.dropConnections()).toBe(1);
    send('c', { key: 'k' });
    await settleMicrotasks();
    expect(settled).toEqual([]);
    await clock.advance(100);
    expect(settled).toEqual(['a:stored', 'b:stored', 'c:stored']);
    expect(stored()).toEqual(['a', 'b', 'a', 'b', 'c']);
    expect(names(told)).toEqual(expect.arrayContaining(['broker-lost', 'broker-recovered']));
  });

  it('never takes the late reply to a first try for the answer to the second', async () => {
    const { send, settled, store, clock } = await ready();
    const held = store.faults.holdReplies();
    send('a');
    await settleMicrotasks();
    store.faults.dropConnections();
    const again = store.faults.loseReplies();
    await clock.advance(100);
    expect(again.hits).toBe(1);
    held.release();
    await settleMicrotasks();
    expect(settled).toEqual([]);
  });

  it('calls a message uncertain that is refused after an earlier try of it was lost', async () => {
    const { send, settled, store, stored, clock } = await ready();
    store.faults.loseReplies();
    send('a');
    await settleMicrotasks();
    store.faults.dropConnections();
    store.faults.refuse();
    await clock.advance(100);
    expect(settled).toEqual(['a:uncertain']);
    expect(stored()).toEqual(['a']);
  });

  it('forgets what was on its way when the connection is lost, and sends it again', async () => {
    const { send, settled, store, stored, clock } = await ready();
    store.faults.delay({ delayMs: 1_000 });
    send('slow');
    await settleMicrotasks();
    store.faults.dropConnections();
    await clock.advance(5_000);
    expect(settled).toEqual(['slow:stored']);
    expect(stored()).toEqual(['slow']);
  });

  it('drops the connection of one client only', async () => {
    const { store, client } = createWorld();
    const one = await client({ clientId: 'one' });
    const two = await client({ clientId: 'two' });
    expect(store.faults.dropConnections('two')).toBe(1);
    expect([one.broker.health().state, two.broker.health().state]).toEqual(['up', 'down']);
    expect(names(one.told)).not.toContain('broker-lost');
  });

  it('keeps what is stored while it is down; clients come back by themselves and tell how long it took', async () => {
    const { send, settled, store, stored, clock, told, broker } = await ready();
    send('before');
    await settleMicrotasks();
    expect(store.faults.goDown()).toBe(1);
    send('while');
    await clock.advance(30_000);
    expect(settled).toEqual(['before:stored']);
    expect(broker.health()).toMatchObject({ state: 'down', pendingPublishes: 1 });
    expect(broker.health().reason).toContain('is down');
    expect(store.faults.refusedConnects).toBeGreaterThan(5);
    store.faults.comeUp();
    await clock.advance(5_000);
    expect(settled).toEqual(['before:stored', 'while:stored']);
    expect(stored().sort()).toEqual(['before', 'while']);
    const afterMs = told.flatMap((one) => (one.name === 'broker-recovered' ? [one.event.afterMs] : []));
    expect(afterMs).toHaveLength(1);
    expect(afterMs[0]).toBeGreaterThanOrEqual(30_000);
  });

  it('takes no publishes while blocked, but goes on delivering, and says both', async () => {
    const { send, settled, store, told, broker } = await ready();
    send('before');
    await settleMicrotasks();
    store.faults.block('disk');
    const { ids } = await attach(broker);
    send('held');
    await settleMicrotasks();
    expect(settled).toEqual(['before:stored']);
    expect(ids()).toEqual(['before']);
    store.faults.unblock();
    await settleMicrotasks();
    expect(settled).toEqual(['before:stored', 'held:stored']);
    expect(told).toContainEqual({ name: 'broker-blocked', event: { broker: broker.name, reason: 'disk' } });
    expect(names(told).filter((name) => name.includes('blocked'))).toEqual([
      'broker-blocked',
      'broker-unblocked',
    ]);
  });

  it('tells a client that comes while it is blocked', async () => {
    const { store, client } = createWorld();
    store.faults.block('disk');
    const { broker, told } = await client();
    expect(names(told)).toContain('broker-blocked');
    expect(broker.health().state).toBe('degraded');
  });
});

describe.each([
  ['log', logWorld],
  ['queue', queueWorld],
] as const)('connecting to the embedded %s', (_, createWorld) => {
  it('tries again until the signal aborts, then rejects with the last failure, and may be called again', async () => {
    const { store, clock, newClient } = createWorld();
    store.faults.goDown();
    const { broker, told } = newClient();
    const giveUp = new AbortController();
    const connecting = broker.connect(giveUp.signal);
    const rejected = expect(connecting).rejects.toMatchObject({ code: 'BC_BROKER_UNAVAILABLE' });
    await clock.advance(60_000);
    giveUp.abort();
    await rejected;
    expect(store.faults.refusedConnects).toBeGreaterThan(10);
    expect(names(told)).toEqual(['broker-connecting', 'broker-lost']);
    store.faults.comeUp();
    await broker.connect(new AbortController().signal);
    expect(broker.health().state).toBe('up');
    expect(names(told).at(-1)).toBe('broker-connected');
  });

  it('ends a connect that waits when it is closed', async () => {
    const { store, newClient } = createWorld();
    store.faults.goDown();
    const { broker } = newClient();
    const connecting = broker.connect(new AbortController().signal);
    const rejected = expect(connecting).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
    await settleMicrotasks();
    await broker.close({ deadlineMs: 100 });
    await rejected;
    await expect(broker.connect(new AbortController().signal)).rejects.toMatchObject({
      code: 'BC_LIFECYCLE',
    });
  });

  it('provisions nothing without a connection', async () => {
    const { newClient } = createWorld();
    const { broker } = newClient();
    await expect(broker.provision({ topics: [topicOf()], consumers: [] })).rejects.toMatchObject({
      code: 'BC_BROKER_UNAVAILABLE',
    });
  });

  it('does nothing after it is closed while it was away', async () => {
    const { store, clock, client } = createWorld();
    const { broker, told } = await client();
    store.faults.goDown();
    await broker.close({ deadlineMs: 100 });
    store.faults.comeUp();
    await clock.advance(60_000);
    expect(broker.health().state).toBe('closed');
    expect(names(told)).not.toContain('broker-recovered');
  });
});
