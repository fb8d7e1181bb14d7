import { expect, test } from '@jest/globals';
import type { FeatureUsageLogStore } from '../../../src/modules/feature-usage-log/feature-usage-log.store.js';
import type { UserRegistrationStore } from '../../../src/modules/user-registration/user-registration.store.js';

const usage = { feature_endpoint: 'chat', email: 'ann@example.com', status: 'success' } as const;

const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 25, 10, minute));

/** What every store of usage logs does. */
export function describeFeatureUsageLogStore(open: () => FeatureUsageLogStore): void {
  test('a user has its logs with all they hold, the last use first in whatever order they came', async () => {
    const store = open();
    const whole = { ...usage, units: 3, duration_ms: 1.5, request_id: 'r', metadata: { 'a.b': 1, $c: null } };
    await store.insert({ ...usage, user: 'ann', messageId: 'ann-2', time: at(2), metadata: {} });
    await store.insert({ ...whole, user: 'ann', messageId: 'ann-3', time: at(3) });
    await store.insert({ ...usage, user: 'bob', messageId: 'bob-1', time: at(9) });
    await store.insert({ ...usage, user: 'ann', messageId: 'ann-1', time: at(1) });
    await store.insert({ ...usage, user: 'ann', messageId: 'ann-1b', time: at(1) });
    const found = await store.findByUser('ann', 10);
    expect(found.map(({ messageId }) => messageId)).toEqual(['ann-3', 'ann-2', 'ann-1b', 'ann-1']);
    expect(found.slice(0, 2)).toEqual([
      { ...whole, user: 'ann', messageId: 'ann-3', time: at(3) },
      { ...usage, user: 'ann', messageId: 'ann-2', time: at(2), metadata: {} },
    ]);
    expect(await store.findByUser('ann', 1)).toHaveLength(1);
    expect(await store.findByUser('eve', 1)).toEqual([]);
  });

  test('a second log of one message is refused by the index that the consumer names, and changes nothing', async () => {
    const store = open();
    const log = { ...usage, user: 'cid', messageId: 'cid-1', time: at(1) };
    await store.insert(log);
    const second = store.insert({ ...log, email: 'other@example.com' });
    await expect(second).rejects.toMatchObject({ code: 11_000, keyPattern: { messageId: 1 } });
    expect(await store.findByUser('cid', 10)).toEqual([log]);
  });
}

/** What every store of registrations does. */
export function describeUserRegistrationStore(open: () => UserRegistrationStore): void {
  test('a user is welcomed once, and counted once per day', async () => {
    const store = open();
    for (const email of ['ann@example.com', 'other@example.com'])
      await store.addWelcome({ user: 'ann', email });
    expect(await store.findWelcome('ann')).toEqual({ user: 'ann', email: 'ann@example.com' });
    expect(await store.findWelcome('eve')).toBeNull();
    await Promise.all(['ann', 'bob', 'ann'].map((user) => store.addToDay('2026-11-25', user)));
    await store.addToDay('2026-11-26', 'ann');
    expect([await store.countOf('2026-11-25'), await store.countOf('2026-11-26')]).toEqual([2, 1]);
  });
}
