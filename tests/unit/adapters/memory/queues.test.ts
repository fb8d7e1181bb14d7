import { describe, expect, it } from '@jest/globals';
import type { HeaderValue } from '../../../../src/contract/message.js';
import type { RabbitmqTopicSettings } from '../../../../src/contract/topic.js';
import { attach, consumerOf, publishing, queueWorld, settleMicrotasks, topicOf } from './harness.js';

async function ready(topic = topicOf(), rabbitmq = {}) {
  const world = queueWorld();
  const { broker, told } = await world.client();
  const consumer = consumerOf({ topic, rabbitmq });
  await broker.provision({ topics: [topic], consumers: [consumer] });
  return { ...world, broker, told, topic, consumer, ...publishing(broker, topic) };
}

const bodies = (messages: readonly { body: Buffer | null }[]): (string | undefined)[] =>
  messages.map((one) => one.body?.toString());

describe('the embedded queues', () => {
  it.each<[string, RabbitmqTopicSettings, object, Record<string, HeaderValue>, boolean]>([
    ['topic', {}, {}, {}, true],
    ['topic', { routingKey: 'eu.orders' }, { bindings: ['us.#'] }, {}, false],
    ['topic', { routingKey: ({ key }) => `orders.${key}` }, { bindings: ['orders.*'] }, {}, true],
    ['topic', { routingKey: ({ key }) => `orders.${key}` }, {}, {}, true],
    ['direct', { type: 'direct' }, {}, {}, true],
    ['direct', { type: 'direct', routingKey: 'a' }, { bindings: ['b'] }, {}, false],
    ['fanout', { type: 'fanout', routingKey: () => 'whatever' }, {}, {}, true],
    ['headers', { type: 'headers' }, {}, {}, true],
    ['headers', { type: 'headers' }, { bindings: [{ region: 'eu' }] }, { region: 'eu' }, true],
    ['headers', { type: 'headers' }, { bindings: [{ region: 'eu' }] }, { region: 'us' }, false],
  ])('routes through a %s exchange %#', async (_, settings, rabbitmq, headers, isRouted) => {
    const { send, settled } = await ready(topicOf({ rabbitmq: settings }), rabbitmq);
    send('m', { key: 'k', headers });
    await settleMicrotasks();
    expect(settled).toEqual([isRouted ? 'm:stored' : 'm:failed']);
  });

  it('puts a message into a queue once, however many of its bindings match', async () => {
    const { send, store } = await ready(topicOf(), { bindings: ['#', 'orders', 'orders.#'] });
    send('m');
    await settleMicrotasks();
    expect(store.depth('billing-group')).toBe(1);
  });

  it('routes by the bindings as they are, also after keys were used before', async () => {
    const { send, settled, store } = await ready(topicOf());
    send('bound');
    await settleMicrotasks();
    store.unbind('billing-group', 'orders', 'orders');
    send('unbound');
    await settleMicrotasks();
    store.bind('billing-group', 'orders', '#');
    send('again');
    await settleMicrotasks();
    expect(settled).toEqual(['bound:stored', 'unbound:failed', 'again:stored']);
  });

  it('returns what no queue is bound for, unless the topic accepts that', async () => {
    const world = queueWorld();
    const { broker } = await world.client();
    const strict = topicOf();
    const lenient = topicOf({ name: 'lenient', unroutable: 'accept' });
    await broker.provision({ topics: [strict, lenient], consumers: [] });
    const returned = publishing(broker, strict).send('a');
    const accepted = publishing(broker, lenient).send('b');
    await settleMicrotasks();
    expect(returned.outcome).toMatchObject({ status: 'failed', error: { code: 'BC_UNROUTABLE' } });
    expect(accepted.outcome).toEqual({ status: 'stored' });
    expect(world.store.returned).toBe(1);
  });

  it('fails a message whose routing key function throws or returns no text, and goes on', async () => {
    const answers: (() => string)[] = [
      () => {
        throw new Error('no key');
      },
      () => 7 as unknown as string,
      () => 'fine',
    ];
    const routingKey = (): string => (answers.shift() as () => string)();
    const { send } = await ready(topicOf({ rabbitmq: { routingKey } }));
    const sent = [send('a'), send('b'), send('c')];
    await settleMicrotasks();
    expect(
      sent.map(({ outcome }) => (outcome !== null && 'error' in outcome ? outcome.error.code : null)),
    ).toEqual(['BC_MESSAGE_INVALID', 'BC_MESSAGE_INVALID', null]);
  });

  it('hands messages over in turn to the consumers that can take', async () => {
    const { broker, client, store } = await ready();
    const one = await attach(broker);
    const two = await attach((await client()).broker, { capacity: 2 });
    for (let index = 0; index < 6; index += 1)
      store.write('orders', 'orders', { body: Buffer.from(`m${index}`) });
    await settleMicrotasks();
    expect(two.deliveries).toHaveLength(2);
    expect(one.deliveries).toHaveLength(4);
  });

  it('puts returned messages back where they were, before those that came later', async () => {
    const { broker, store, client } = await ready();
    const first = await attach(broker, { capacity: 3 });
    for (let index = 0; index < 6; index += 1)
      store.write('orders', 'orders', { body: Buffer.from(`m${index}`) });
    await settleMicrotasks();
    first.deliveries[1]?.settle();
    await first.leg.detach({ deadlineMs: 1_000 });
    expect(bodies(store.read('billing-group'))).toEqual(['m0', 'm2', 'm3', 'm4', 'm5']);
    const second = await attach((await client()).broker);
    await settleMicrotasks();
    expect(second.deliveries.map((one) => one.message.isRedelivered)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(second.deliveries[0]?.message.headers['x-delivery-count']).toBe(1);
  });

  it('keeps the order of messages that come back from several consumers, one after another', async () => {
    const { broker, store, client } = await ready();
    const attached = [
      await attach(broker, { capacity: 1 }),
      await attach((await client()).broker, { capacity: 1 }),
      await attach((await client()).broker, { capacity: 1 }),
    ];
    for (let index = 0; index < 4; index += 1) {
      store.write('orders', 'orders', { body: Buffer.from(`m${index}`) });
    }
    await settleMicrotasks();
    const byFirst = attached.sort((a, b) => {
      const [one, other] = [a, b].map(({ deliveries }) => String(deliveries[0]?.message.body));
      return (one as string).localeCompare(other as string);
    });
    for (const { leg } of byFirst) leg.pause();
    for (const { leg } of byFirst) await leg.detach({ deadlineMs: 1_000 });
    const last = await attach(broker);
    await settleMicrotasks();
    expect(bodies(last.deliveries.map((one) => one.message))).toEqual(['m0', 'm1', 'm2', 'm3']);
  });

  it('gives a message up at its delivery limit: it goes to the dead-letter queue and later ones flow', async () => {
    const { broker, store } = await ready(topicOf(), { deliveryLimit: 20 });
    store.write('orders', 'orders', { body: Buffer.from('poison'), headers: { note: 'kept' } });
    store.write('orders', 'orders', { body: Buffer.from('fine') });
    for (let crashes = 0; crashes < 21; crashes += 1) {
      const { leg, deliveries } = await attach(broker, { capacity: 1 });
      await settleMicrotasks();
      expect(bodies(deliveries.map((one) => one.message))).toEqual(['poison']);
      await leg.detach({ deadlineMs: 1_000 });
    }
    const { deliveries } = await attach(broker, { capacity: 1 });
    await settleMicrotasks();
    expect(bodies(deliveries.map((one) => one.message))).toEqual(['fine']);
    const [letter] = store.read('billing-group_dlq');
    expect(letter?.body?.toString()).toBe('poison');
    expect(letter?.headers).toMatchObject({
      note: 'kept',
      'x-death': [{ count: 1, reason: 'delivery_limit', queue: 'billing-group', 'routing-keys': ['orders'] }],
      'x-first-death-queue': 'billing-group',
    });
    expect(letter?.headers).not.toHaveProperty('x-delivery-count');
  });

  it('expires messages at the head after the time to live and moves them on', async () => {
    const { store, clock, broker } = await ready();
    store.declareQueue({
      name: 'delay',
      messageTtlMs: 5_000,
      deadLetter: { exchange: '', routingKey: 'billing-group' },
    });
    store.write('', 'delay', { body: Buffer.from('early') });
    await clock.advance(3_000);
    store.write('', 'delay', { body: Buffer.from('late') });
    const { deliveries } = await attach(broker);
    await clock.advance(1_999);
    expect(deliveries).toHaveLength(0);
    await clock.advance(1);
    expect(bodies(deliveries.map((one) => one.message))).toEqual(['early']);
    await clock.advance(3_000);
    expect(bodies(deliveries.map((one) => one.message))).toEqual(['early', 'late']);
    expect(deliveries[0]?.message.headers['x-death']).toMatchObject([
      { reason: 'expired', queue: 'delay', count: 1 },
    ]);
    expect(store.depth('delay')).toBe(0);
  });

  it('keeps a dead letter that no queue takes, and moves it once one does', async () => {
    const { store, clock } = await ready();
    store.declareQueue({
      name: 'delay',
      messageTtlMs: 1_000,
      deadLetter: { exchange: '', routingKey: 'not-yet' },
    });
    store.write('', 'delay', { body: Buffer.from('kept') });
    await clock.advance(10_000);
    expect(store.depth('delay')).toBe(1);
    store.declareQueue({ name: 'not-yet' });
    await clock.advance(1_000);
    expect([store.depth('delay'), bodies(store.read('not-yet'))]).toEqual([0, ['kept']]);
  });

  it('refuses publishes to a full queue; with others bound it is uncertain, because they took it', async () => {
    const { store, send } = await ready();
    store.declareQueue({ name: 'short', maxLength: 1 });
    store.bind('short', 'orders', '#');
    const first = send('first');
    const second = send('second');
    await settleMicrotasks();
    expect([first.outcome?.status, second.outcome?.status]).toEqual(['stored', 'uncertain']);
    store.unbind('billing-group', 'orders', 'orders');
    const third = send('third');
    await settleMicrotasks();
    expect(third.outcome).toMatchObject({ status: 'failed', error: { code: 'BC_PUBLISH_REFUSED' } });
    expect(store.read('short').map((one) => one.id)).toEqual(['first']);
    expect(store.read('billing-group').map((one) => one.id)).toEqual(['first', 'second']);
  });

  it('refuses publishes when its memory is full, and takes them again once messages are settled', async () => {
    const world = queueWorld({ maxBytes: 5_000 });
    const { broker } = await world.client();
    await broker.provision({ topics: [topicOf()], consumers: [consumerOf()] });
    const { send, settled } = publishing(broker);
    for (let index = 0; index < 10; index += 1) send(`m${index}`, { body: Buffer.alloc(500) });
    await settleMicrotasks();
    const stored = settled.filter((one) => one.endsWith(':stored')).length;
    expect(stored).toBeGreaterThan(3);
    expect(stored).toBeLessThan(10);
    const { settleAll } = await attach(broker);
    await settleMicrotasks();
    settleAll();
    expect(world.store.bytes).toBe(0);
    const more = send('more', { body: Buffer.alloc(500) });
    await settleMicrotasks();
    expect(more.outcome).toEqual({ status: 'stored' });
  });

  it('checks what is marked existing and never declares or binds it', async () => {
    const { broker, store, told } = await ready();
    const mapped = topicOf({ name: 'mapped', rabbitmq: { exchange: 'legacy', existing: true } });
    const reader = consumerOf({ topic: mapped, rabbitmq: { queue: 'legacy.queue', existing: true } });
    const missing = async (): Promise<unknown> =>
      broker.provision({ topics: [mapped], consumers: [reader] }).catch((error: unknown) => error);
    expect(await missing()).toMatchObject({
      code: 'BC_PLACE_MISSING',
      message: expect.stringContaining('legacy'),
    });
    store.declareExchange('legacy', 'direct');
    expect(await missing()).toMatchObject({ message: expect.stringContaining('legacy.queue') });
    store.declareQueue({ name: 'legacy.queue', maxLength: 7 });
    expect(await missing()).toBeUndefined();
    expect(told).not.toContainEqual(
      expect.objectContaining({ event: expect.objectContaining({ name: 'legacy' }) }),
    );
    const lost = publishing(broker, mapped).send('m');
    await settleMicrotasks();
    expect(lost.outcome).toMatchObject({ status: 'failed', error: { code: 'BC_UNROUTABLE' } });
  });

  it('refuses to declare a place anew with other arguments, and changes nothing', async () => {
    const { broker, store } = await ready();
    const fanout = topicOf({ rabbitmq: { type: 'fanout' } });
    await expect(broker.provision({ topics: [fanout], consumers: [] })).rejects.toMatchObject({
      code: 'BC_PLACE_CONFLICT',
    });
    const patient = consumerOf({ rabbitmq: { deliveryLimit: 50 } });
    await expect(broker.provision({ topics: [], consumers: [patient] })).rejects.toMatchObject({
      code: 'BC_PLACE_CONFLICT',
      message: expect.stringContaining('billing-group'),
    });
    expect(store.exchange('orders')?.type).toBe('topic');
  });

  it('refuses a direct exchange with a routing key function and no bindings: nothing says what to bind', async () => {
    const topic = topicOf({ name: 'direct', rabbitmq: { type: 'direct', routingKey: () => 'x' } });
    await expect(ready(topic)).rejects.toMatchObject({ code: 'BC_DEFINITION_INVALID' });
  });

  it('takes messages of foreign producers as AMQP carries them', async () => {
    const { store, broker } = await ready();
    const { deliveries } = await attach(broker);
    store.write('orders', 'orders', {
      id: 'amqp-id',
      body: Buffer.alloc(0),
      headers: { 'bc-tombstone': '1', count: 7, nothing: null, nested: { deep: [1n, true] } },
      contentType: 'text/plain',
    });
    await settleMicrotasks();
    expect(deliveries[0]?.message).toMatchObject({
      id: 'amqp-id',
      key: null,
      body: null,
      contentType: 'text/plain',
      position: { broker: 'rabbitmq', queue: 'billing-group', exchange: 'orders', routingKey: 'orders' },
      headers: { count: 7, nothing: null, nested: { deep: [1n, true] } },
    });
    expect(() => store.write('nowhere', 'x', { body: null })).toThrow(
      expect.objectContaining({ code: 'BC_PLACE_MISSING' }),
    );
  });

  it('tells what waits in the queue of a consumer, and nothing of one that is not there', async () => {
    const { broker, consumer, send } = await ready();
    send('m');
    await settleMicrotasks();
    expect(await broker.depth(consumer)).toBe(1);
    expect(await broker.depth(consumerOf({ group: 'unknown' }))).toBeNull();
  });
});
