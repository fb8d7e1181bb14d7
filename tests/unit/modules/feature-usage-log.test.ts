import { expect, test } from '@jest/globals';
import mongoose from 'mongoose';
import { systemClock } from '../../../src/delivery/system-clock.js';
import { featureUsageLogModule } from '../../../src/modules/feature-usage-log/feature-usage-log.module.js';
import { featureUsageSchema } from '../../../src/modules/feature-usage-log/feature-usage-log.schema.js';
import {
  type FeatureUsageLog,
  type FeatureUsageLogStore,
  memoryFeatureUsageLogStore,
} from '../../../src/modules/feature-usage-log/feature-usage-log.store.js';
import { createQueueBroker, createQueueStore, createRecorder } from '../../../src/testing/index.js';
import { openModules } from '../../support/modules/open-modules.js';

const usage = { feature_endpoint: 'chat', user: 'ann', email: 'ann@example.com' };

const once = { inline: { attempts: 1 } };

/** A memory store, and what it stored. */
function recordingStore() {
  const store = memoryFeatureUsageLogStore();
  const stored = createRecorder<FeatureUsageLog>('stored logs');
  const insert: FeatureUsageLogStore['insert'] = async (log) => {
    await store.insert(log);
    stored.add(log);
  };
  return { store: { ...store, insert }, stored };
}

test('a log has the time of the use, and that of the message where the producer says none', async () => {
  const { store, stored } = recordingStore();
  const module = featureUsageLogModule({ store });
  const clock = { ...systemClock, epochMs: () => Date.UTC(2026, 0, 2) };
  const { bus } = await openModules([module], { clock });
  const { sendFeatureUsageLog } = module.publisher(bus);
  await sendFeatureUsageLog({ ...usage, time: '2026-01-01T01:00:00+02:00' });
  await sendFeatureUsageLog(usage);
  const times = (await stored.atLeast(2)).map(({ time }) => time.toISOString());
  expect(times).toEqual(['2025-12-31T23:00:00.000Z', '2026-01-02T00:00:00.000Z']);
  await bus.close();
});

test('a message that comes again is done, without an inbox too', async () => {
  const { store, stored } = recordingStore();
  const module = featureUsageLogModule({ store, retry: once });
  const { bus, told } = await openModules([module]);
  const { sendFeatureUsageLog } = module.publisher(bus);
  for (const id of ['u1', 'u1', 'u2']) await sendFeatureUsageLog(usage, { id });
  await stored.atLeast(2);
  expect(stored.items.map(({ messageId }) => messageId)).toEqual(['u1', 'u2']);
  expect(told.items).toEqual([]);
  await bus.close();
});

test.each([
  ['dropped, as the guide has it', {}, 'dropped'],
  ['kept as a dead letter where a deployment wants it', { invalid: 'dead-letter' }, 'dead-lettered'],
] as const)('what the schema finds invalid is %s', async (_, choice, end) => {
  const { store, stored } = recordingStore();
  const queues = createQueueStore({ clock: systemClock });
  const shared = {
    env: { EMBEDDED: 'true', RABBITMQ_ENABLED: 'true' },
    brokers: { rabbitmq: (parts) => createQueueBroker({ ...parts, store: queues }) },
  } satisfies Parameters<typeof openModules>[1];
  const { bus, told } = await openModules([featureUsageLogModule({ store, ...choice })], shared);
  const { bus: producer } = await openModules([], shared); // it knows no schema
  await producer.publish('feature_usage_topic', { ...usage, email: 'nobody' }, { id: 'bad' });
  expect(await told.first((line) => line.includes('bad'))).toBe(`${end} feature-usage bad`);
  expect(stored.items).toEqual([]);
  await producer.close();
  await bus.close();
});

test.each([
  ['what a model finds invalid is dropped', () => new mongoose.Error.ValidationError(), 'dropped'],
  [
    'a duplicate key of another index is given up, not taken for done',
    () => Object.assign(new Error('E11000'), { code: 11_000, keyPattern: { email: 1 } }),
    'dead-lettered',
  ],
])('%s', async (_, errorOf, end) => {
  const store = { ...memoryFeatureUsageLogStore(), insert: () => Promise.reject(errorOf()) };
  const module = featureUsageLogModule({ store, retry: once });
  const { bus, told } = await openModules([module]);
  await module.publisher(bus).sendFeatureUsageLog(usage, { id: 'u1' });
  const isOver = (line: string): boolean => !line.startsWith('attempt-failed') && line.includes('u1');
  expect(await told.first(isOver)).toBe(`${end} feature-usage u1`);
  await bus.close();
});

test('fields that the log does not know are let go of, and no reason to lose the rest', () => {
  const parsed = featureUsageSchema.parse({ ...usage, feature_id: 7, plan: { name: 'old' } });
  expect(parsed).toEqual({ ...usage, status: 'success' });
});

test.each([
  ['a name that MongoDB cannot hold', { 'a\0b': 1 }, 'a name of 1 to 64 characters, none of them NUL'],
  ['an empty name', { '': 1 }, 'a name of 1 to 64 characters, none of them NUL'],
  [
    'more than 20 entries',
    Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`n${n}`, n])),
    'at most 20 entries',
  ],
  [
    'a value that is no scalar',
    { a: {} },
    'a string of at most 1,000 characters, a number, true, false or null',
  ],
])(
  'metadata with %s is invalid before anything is stored, and told what is allowed',
  (_, metadata, allowed) => {
    const { error } = featureUsageSchema.safeParse({ ...usage, metadata });
    expect(error?.issues.map(({ path, message }) => [path[0], message])).toEqual([['metadata', allowed]]);
  },
);
