import { describe, expect, it } from '@jest/globals';
import {
  attach,
  consumerOf,
  logWorld,
  messageOf,
  type Published,
  publishing,
  queueWorld,
  settleMicrotasks,
  ticketOf,
  topicOf,
} from './harness.js';

const codeOf = ({ outcome }: Published): string | undefined =>
  outcome !== null && 'error' in outcome ? outcome.error.code : outcome?.status;

describe.each([
  ['log', logWorld],
  ['queue', queueWorld],
] as const)('publishing to the embedded %s', (product, createWorld) => {
  const place = product === 'log' ? 'orders' : 'billing-group';

  async function ready(bounds = {}) {
    const world = createWorld();
    const { broker, told } = await world.client({ bounds });
    await broker.provision({ topics: [topicOf()], consumers: [consumerOf()] });
    return { ...world, broker, told, ...publishing(broker) };
  }

  it('settles in the order of the calls, never inside one', async () => {
    const { send, settled } = await ready();
    for (const id of ['a', 'b', 'c']) send(id);
    expect(settled).toEqual([]);
    await settleMicrotasks();
    expect(settled).toEqual(['a:stored', 'b:stored', 'c:stored']);
  });

  it('skips tickets that their owner settled already, and sends nothing of them', async () => {
    const { send, store } = await ready();
    const gone = send('gone');
    gone.ticket.abandon('BC_PUBLISH_ABORTED', 'No longer wanted.');
    send('kept');
    await settleMicrotasks();
    expect(gone.ticket.wasSent).toBe(false);
    expect(store.read(place).map((one) => one.id)).toEqual(['kept']);
  });

  it('refuses what goes over the bound of messages, and takes more once there is room', async () => {
    const { send, store, broker } = await ready({ maxInFlight: 2, maxWaiting: 3 });
    store.faults.block();
    const sent = Array.from({ length: 7 }, (_, index) => send(`m${index}`));
    await settleMicrotasks();
    expect(sent.map(codeOf)).toEqual([
      ...Array(5).fill(undefined),
      'BC_PUBLISH_OVERFLOW',
      'BC_PUBLISH_OVERFLOW',
    ]);
    expect(broker.health()).toMatchObject({ state: 'degraded', pendingPublishes: 5, reason: 'memory' });
    expect(store.faults.heldBackSends).toBeGreaterThan(0);
    store.faults.unblock();
    await settleMicrotasks();
    expect(sent.slice(0, 5).map(codeOf)).toEqual(Array(5).fill('stored'));
    const late = send('late');
    await settleMicrotasks();
    expect(codeOf(late)).toBe('stored');
  });

  it('refuses what goes over the bound of bytes', async () => {
    const { send, store } = await ready({ maxBytes: 2_000 });
    store.faults.block();
    const first = send('first', { body: Buffer.alloc(1_500) });
    const second = send('second', { body: Buffer.alloc(1_500) });
    await settleMicrotasks();
    expect([codeOf(first), codeOf(second)]).toEqual([undefined, 'BC_PUBLISH_OVERFLOW']);
    store.faults.unblock();
    await settleMicrotasks();
    const third = send('third', { body: Buffer.alloc(1_500) });
    await settleMicrotasks();
    expect([codeOf(first), codeOf(third)]).toEqual(['stored', 'stored']);
  });

  it('sends no more than maxInFlight without an answer', async () => {
    const { send, store } = await ready({ maxInFlight: 3 });
    const held = store.faults.holdReplies({ count: Infinity });
    const sent = Array.from({ length: 5 }, (_, index) => send(`m${index}`));
    await settleMicrotasks();
    expect(sent.map((one) => one.ticket.wasSent)).toEqual([true, true, true, false, false]);
    held.release();
    await settleMicrotasks();
    expect(sent.map(codeOf)).toEqual(Array(5).fill('stored'));
  });

  it('lets go of tickets that their owner settled while the broker did not answer', async () => {
    const { send, store, broker, clock } = await ready({ maxInFlight: 2, maxWaiting: 2 });
    store.faults.loseReplies({ count: 2 });
    const sent = Array.from({ length: 4 }, (_, index) => send(`m${index}`));
    await settleMicrotasks();
    expect(broker.health().pendingPublishes).toBe(4);
    for (const { ticket } of sent) ticket.abandon('BC_PUBLISH_TIMEOUT', 'Too late.');
    expect(sent.map((one) => one.outcome?.status)).toEqual(['uncertain', 'uncertain', 'failed', 'failed']);
    await clock.advance(200);
    expect(broker.health().pendingPublishes).toBe(0);
    expect(store.read(place)).toHaveLength(2);
  });

  it('answers a place that is missing and goes on', async () => {
    const { broker, send } = await ready();
    const nowhere = publishing(broker, topicOf({ name: 'nowhere' })).send('lost');
    const fine = send('fine');
    await settleMicrotasks();
    expect([codeOf(nowhere), codeOf(fine)]).toEqual(['BC_PLACE_MISSING', 'stored']);
  });

  it('refuses a message over the limit of the place, and takes one of exactly the limit', async () => {
    const { send, publisher } = await ready();
    const headers = Object.entries(messageOf('x').headers).reduce(
      (sum, [name, value]) => sum + name.length + String(value).length,
      0,
    );
    const room = publisher.maxMessageBytes - headers;
    const fits = send('x', { body: Buffer.alloc(room) });
    const over = send('y', { body: Buffer.alloc(room + 1) });
    await settleMicrotasks();
    expect([codeOf(fits), codeOf(over)]).toEqual(['stored', 'BC_MESSAGE_TOO_LARGE']);
  });

  it('keeps an empty body and a null body apart', async () => {
    const { send, broker } = await ready();
    const { deliveries } = await attach(broker);
    send('empty', { body: Buffer.alloc(0), key: 'k' });
    send('null', { body: null, key: 'k' });
    await settleMicrotasks();
    expect(deliveries.map((one) => one.message.body?.length ?? null)).toEqual([0, null]);
  });

  it('stores a dead letter in the dead-letter place of the consumer', async () => {
    const { broker, store, told } = await ready();
    const letter = ticketOf(messageOf('dead'));
    broker.publisher({ kind: 'dead-letter', consumer: consumerOf() }).publish(letter.ticket);
    await settleMicrotasks();
    expect(codeOf(letter)).toBe('stored');
    const name = product === 'log' ? 'orders_dlt' : 'billing-group_dlq';
    expect(store.read(name).map((one) => one.id)).toEqual(['dead']);
    expect(told).toContainEqual({
      name: 'place-created',
      event: { broker: broker.name, kind: 'dead-letter', name },
    });
  });

  it('settles everything before close resolves, and refuses what comes later', async () => {
    const { send, broker } = await ready();
    const sent = [send('a'), send('b')];
    await broker.close({ deadlineMs: 1_000 });
    expect(sent.map(codeOf)).toEqual(['stored', 'stored']);
    const late = send('late');
    await settleMicrotasks();
    expect(codeOf(late)).toBe('BC_LIFECYCLE');
    expect(broker.health().state).toBe('closed');
  });

  it('gives up at the deadline of close what nobody answered: uncertain if it left, else failed', async () => {
    const { send, broker, store, clock } = await ready({ maxInFlight: 1 });
    store.faults.loseReplies();
    const sent = [send('left'), send('stayed')];
    await settleMicrotasks();
    let isClosed = false;
    const closing = broker.close({ deadlineMs: 500 }).then(() => {
      isClosed = true;
    });
    await clock.advance(499);
    expect(isClosed).toBe(false);
    await clock.advance(1);
    await closing;
    expect(sent.map((one) => one.outcome?.status)).toEqual(['uncertain', 'failed']);
  });

  it('takes publishes before it is connected and sends them once it is', async () => {
    const { store, clock, newClient } = createWorld();
    store.faults.goDown();
    const { broker } = newClient();
    const connecting = broker.connect(new AbortController().signal);
    const { send } = publishing(broker);
    const early = send('early');
    await clock.advance(1_000);
    expect(early.outcome).toBeNull();
    store.faults.comeUp();
    await clock.advance(5_000);
    await connecting;
    expect(codeOf(early)).toBe('BC_PLACE_MISSING');
    expect(store.faults.refusedConnects).toBeGreaterThan(0);
  });
});
