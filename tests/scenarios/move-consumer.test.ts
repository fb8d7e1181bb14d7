import { randomUUID } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import * as z from 'zod';
import {
  type BrokerName,
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  type MessageBus,
  memoryInbox,
} from '../../src/index.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** The watched file, replaced as a deployment tool would: written beside it, then renamed over it. */
async function flagFile(consumer: string, broker: BrokerName) {
  const folder = await mkdtemp(join(tmpdir(), 'buscoupler-flags-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const path = join(folder, 'buscoupler.config.json');
  const set = async (to: BrokerName): Promise<void> => {
    await writeFile(`${path}.next`, JSON.stringify({ consumers: { [consumer]: { broker: to } } }));
    await rename(`${path}.next`, path);
  };
  await set(broker);
  return { path, set };
}

/** Resolves when the consumer has moved to this broker. */
const moved = (bus: MessageBus, to: BrokerName): Promise<void> =>
  new Promise((resolve) => {
    const off = bus.on('consumer-moved', (event) => {
      if (event.to !== to) return;
      off();
      resolve();
    });
  });

describeWithServers('a consumer on real brokers', { shared: ['kafka', 'rabbitmq-4.0'] }, (servers) => {
  test('moves by its flag in the file and back under load, with every message handled once and in order', async () => {
    const name = `usage_${randomUUID().slice(0, 8)}`;
    const topic = defineTopic({
      name,
      schema: z.object({ user: z.string(), sequence: z.number().int() }),
      key: (data) => data.user,
      kafka: { partitions: 6, replicationFactor: 1 },
    });
    const flag = await flagFile('usage', 'rabbitmq');
    const handled: { user: string; sequence: number; broker: BrokerName }[] = [];
    let tellHandled = (): void => undefined;
    const consumer = defineConsumer({
      name: 'usage',
      topic,
      group: `${name}_group`,
      handle: async (message, context) => {
        handled.push({ ...message.data, broker: context.broker });
        tellHandled();
      },
    });
    const config = await loadConfig(
      {
        KAFKA_ENABLED: 'true',
        KAFKA_BROKERS: servers.kafka.brokers.join(','),
        RABBITMQ_ENABLED: 'true',
        RABBITMQ_URL: servers['rabbitmq-4.0'].url,
      },
      { file: flag.path },
    );
    const bus = await createBus({
      config,
      topics: [topic],
      consumers: [consumer],
      inbox: memoryInbox(),
      logger: createLogger({ level: 'silent' }),
    });
    cleanups.push(() => bus.close());
    await bus.start();

    let sequence = 0;
    let isPublishing = true;
    const publishing = (async () => {
      while (isPublishing) {
        const receipt = await bus.publish(topic, { user: `user-${sequence % 10}`, sequence });
        expect(receipt.brokers).toEqual({ kafka: 'stored', rabbitmq: 'stored' });
        sequence += 1;
      }
    })();
    for (const to of ['kafka', 'rabbitmq', 'kafka'] as const) {
      const isThere = moved(bus, to);
      await flag.set(to);
      await isThere;
      expect(bus.health().consumers.usage).toMatchObject({ state: 'live', broker: to });
    }
    isPublishing = false;
    await publishing;
    await new Promise<void>((resolve) => {
      tellHandled = () => {
        if (handled.length >= sequence) resolve();
      };
      tellHandled();
    });

    const sequences = handled.map((one) => one.sequence);
    expect(sequences).toHaveLength(sequence);
    expect(new Set(sequences).size).toBe(sequence);
    const perUser = groupByUser(handled);
    for (const list of perUser.values()) {
      const order = list.map((one) => one.sequence);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
    expect(new Set(handled.map(({ broker }) => broker))).toEqual(new Set(['rabbitmq', 'kafka']));
  }, 90_000);
});

function groupByUser<Item extends { user: string }>(items: readonly Item[]): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(item.user, [...(groups.get(item.user) ?? []), item]);
  return groups;
}
