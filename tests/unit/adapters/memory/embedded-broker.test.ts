import { describe, expect, it } from '@jest/globals';
import {
  attach,
  consumerOf,
  logWorld,
  publishing,
  queueWorld,
  settleMicrotasks,
  topicOf,
} from './harness.js';

describe.each([
  ['log', logWorld],
  ['queue', queueWorld],
] as const)('embedded %s', (product, createWorld) => {
  it('carries a message from publish to delivery, and forgets it once settled', async () => {
    const { client } = createWorld();
    const { broker } = await client();
    await broker.provision({ topics: [topicOf()], consumers: [consumerOf()] });
    const consumer = await attach(broker);
    const { send } = publishing(broker);

    const published = send('m1', { key: 'k', headers: { note: 'ä', raw: Buffer.from([255]) } });
    expect(published.outcome).toBeNull();
    await settleMicrotasks();

    expect(published.outcome).toEqual({ status: 'stored' });
    expect(consumer.ids()).toEqual(['m1']);
    const { message } = consumer.deliveries[0] as (typeof consumer.deliveries)[number];
    expect(message).toMatchObject({ key: 'k', contentType: 'application/json', isRedelivered: false });
    expect(message.body?.toString()).toBe('{"id":"m1"}');
    expect(message.headers).toMatchObject({ note: 'ä', raw: Buffer.from([255]) });
    expect(Object.getPrototypeOf(message.headers)).toBeNull();
    expect(await broker.depth(consumerOf())).toBe(product === 'log' ? 1 : 0);
    consumer.settleAll();
    expect(await broker.depth(consumerOf())).toBe(0);
    expect(consumer.leg.status()).toEqual({ state: 'live', unsettled: 0, waiting: 0 });
  });
});
