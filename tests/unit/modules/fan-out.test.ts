import { expect, test } from '@jest/globals';
import mongoose from 'mongoose';
import { createBus, createLogger, loadConfig, memoryInbox } from '../../../src/index.js';
import { featureUsageLogModule } from '../../../src/modules/feature-usage-log/feature-usage-log.module.js';
import { memoryFeatureUsageLogStore } from '../../../src/modules/feature-usage-log/feature-usage-log.store.js';
import { userRegistrationModule } from '../../../src/modules/user-registration/user-registration.module.js';
import { memoryUserRegistrationStore } from '../../../src/modules/user-registration/user-registration.store.js';
import { createRecorder } from '../../../src/testing/index.js';

type Modules = readonly Pick<ReturnType<typeof userRegistrationModule>, 'topics' | 'consumers'>[];

async function openBus(modules: Modules) {
  const bus = await createBus({
    config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
    topics: modules.flatMap(({ topics }) => topics),
    consumers: modules.flatMap(({ consumers }) => consumers),
    inbox: memoryInbox(),
    logger: createLogger({ level: 'silent' }),
  });
  const told = createRecorder<string>('ends of messages');
  for (const name of ['dropped', 'dead-lettered'] as const)
    bus.on(name, ({ consumer, id }) => told.add(`${name} ${consumer} ${id}`));
  await bus.start();
  return { bus, told };
}

test('both consumers of a topic get every registration, each from the broker of its own flag', async () => {
  const store = memoryUserRegistrationStore();
  const module = userRegistrationModule({ store });
  const { bus } = await openBus([module]);
  await bus.consumer('user-registration-statistics').move('kafka');
  const { sendUserRegistration } = module.publisher(bus);
  for (const user of ['ann', 'bob', 'ann']) {
    const data = { user, email: `${user}@example.com`, time: '2026-11-25T10:00:00Z' };
    await sendUserRegistration(data, { id: `registration-${user}` });
  }
  while ((await store.countOf('2026-11-25')) < 2 || (await store.findWelcome('bob')) === null)
    await new Promise((resolve) => setImmediate(resolve));
  expect(await store.countOf('2026-11-25')).toBe(2);
  expect(await store.findWelcome('bob')).toEqual({ user: 'bob', email: 'bob@example.com' });
  await bus.close();
});

const usage = { feature_endpoint: 'chat', user: 'ann', email: 'ann@example.com' };

test.each([
  ['what a model finds invalid is dropped', () => new mongoose.Error.ValidationError(), 'dropped'],
  [
    'a duplicate key of another index is given up, not taken for done',
    () => Object.assign(new Error('E11000'), { code: 11_000, keyPattern: { email: 1 } }),
    'dead-lettered',
  ],
])('%s', async (_, errorOf, end) => {
  const store = { ...memoryFeatureUsageLogStore(), insert: () => Promise.reject(errorOf()) };
  const module = featureUsageLogModule({ store, retry: { inline: { attempts: 1 } } });
  const { bus, told } = await openBus([module]);
  await module.publisher(bus).sendFeatureUsageLog(usage, { id: 'u1' });
  expect(await told.first((line) => line.includes('u1'))).toBe(`${end} feature-usage u1`);
  await bus.close();
});
