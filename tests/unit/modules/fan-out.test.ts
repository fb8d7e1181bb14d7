import { expect, test } from '@jest/globals';
import { memoryInbox } from '../../../src/index.js';
import { userRegistrationModule } from '../../../src/modules/user-registration/user-registration.module.js';
import { memoryUserRegistrationStore } from '../../../src/modules/user-registration/user-registration.store.js';
import { openModules } from '../../support/modules/open-modules.js';

test('both consumers of a topic get every registration, each from the broker of its own flag', async () => {
  const store = memoryUserRegistrationStore();
  const module = userRegistrationModule({ store });
  const { bus } = await openModules([module], { inbox: memoryInbox() });
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
