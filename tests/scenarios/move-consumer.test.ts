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
import { checkHistory, type HistoryEvent, recordHistory } from '../../src/testing/index.js';
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
    const history = recordHistory();
    const consumer = defineConsumer(
      history.consumer({ name: 'usage', topic, group: `${name}_group`, handle: async () => {} }),
    );
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
    history.watch(bus);
    await bus.start();

    let sequence = 0;
    let isPublishing = true;
    const publishing = (async () => {
      while (isPublishing) {
        const data = { user: `user-${sequence % 10}`, sequence };
        const receipt = await history.publish(bus, topic, { data });
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
    const count = (type: HistoryEvent['type']): number =>
      history.items.filter((event) => event.type === type).length;
    while (count('effect') < sequence) await history.atLeast(history.items.length + 1);

    expect(checkHistory(history.items)).toEqual([]);
    expect({ ok: count('publish-ok'), effects: count('effect'), moves: count('handover') }).toEqual({
      ok: sequence,
      effects: sequence,
      moves: 3,
    });
    const brokers = history.items.flatMap((event) => (event.type === 'delivered' ? [event.broker] : []));
    expect(new Set(brokers)).toEqual(new Set(['rabbitmq', 'kafka']));
  }, 90_000);
});
