import { afterEach, expect, test } from '@jest/globals';
import * as z from 'zod';
import {
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  type MessageBus,
  memoryInbox,
} from '../../../src/index.js';

const usage = defineTopic({
  name: 'feature_usage_topic',
  schema: z.object({ user: z.string(), units: z.number().int() }),
  key: (data) => data.user,
});

const buses: MessageBus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

/** A bus on both embedded brokers whose handler records what it gets and tells when it has got enough. */
async function openBus(handle: (data: { user: string; units: number }) => void, flag = 'rabbitmq') {
  const consumer = defineConsumer({
    name: 'feature-usage',
    topic: usage,
    group: 'feature-usage-group',
    retry: { inline: { attempts: 2, backoff: { initialMs: 1 } } },
    handle: (message) => handle(message.data),
  });
  const config = await loadConfig({ EMBEDDED: 'true', CONSUMER_FEATURE_USAGE_BROKER: flag }, { file: false });
  const bus = await createBus({
    config,
    topics: [usage],
    consumers: [consumer],
    inbox: memoryInbox(),
    logger: createLogger({ level: 'silent' }),
  });
  buses.push(bus);
  return bus;
}

/** Collects until `count` items are there. */
function collector<Item>(count: number) {
  const items: Item[] = [];
  let tell = (): void => undefined;
  const full = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return {
    items,
    full,
    add: (item: Item): void => {
      items.push(item);
      if (items.length === count) tell();
    },
  };
}

test('publishes to both brokers and handles each message once', async () => {
  const handled = collector<number>(100);
  const bus = await openBus(({ units }) => handled.add(units));
  await bus.start();
  const receipt = await bus.publish(usage, { user: 'user-0', units: 0 });
  expect(receipt.brokers).toEqual({ kafka: 'stored', rabbitmq: 'stored' });
  for (let units = 1; units < 100; units += 1) await bus.publish(usage, { user: `user-${units % 7}`, units });
  await handled.full;
  expect([...handled.items].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
});

test('moves a running consumer to the other broker and back without losing or repeating a message', async () => {
  const handled = collector<number>(300);
  const bus = await openBus(({ units }) => handled.add(units));
  await bus.start();
  const publish = async (from: number, to: number): Promise<void> => {
    for (let units = from; units < to; units += 1)
      await bus.publish(usage, { user: `user-${units % 7}`, units });
  };
  await publish(0, 100);
  await Promise.all([publish(100, 200), bus.consumer('feature-usage').move('kafka')]);
  expect(bus.health().consumers['feature-usage']?.broker).toBe('kafka');
  await Promise.all([publish(200, 300), bus.consumer('feature-usage').move('rabbitmq')]);
  await handled.full;
  expect([...handled.items].sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, index) => index));
});

test('dead-letters a message whose attempts are used up and goes on with the next', async () => {
  const letters = collector<string>(1);
  const handled = collector<number>(1);
  const bus = await openBus(({ units }) => {
    if (units === 13) throw new Error('unlucky');
    handled.add(units);
  });
  bus.on('dead-lettered', ({ id, reason, place }) => letters.add(`${id} ${reason} ${place}`));
  await bus.start();
  await bus.publish(usage, { user: 'a', units: 13 }, { id: 'bad-one' });
  await bus.publish(usage, { user: 'a', units: 14 });
  await Promise.all([letters.full, handled.full]);
  expect(letters.items).toEqual(['bad-one attempts feature-usage-group_dlq']);
});

test('refuses a message that does not fit the schema and names where', async () => {
  const bus = await openBus(() => undefined);
  await bus.start();
  await expect(bus.publish(usage, { user: 'a', units: 1.5 })).rejects.toMatchObject({
    code: 'BC_MESSAGE_INVALID',
    message: expect.stringContaining('units'),
  });
});
