import { expect, test } from '@jest/globals';
import type { FeatureUsageLogStore } from '../../../src/modules/feature-usage-log/feature-usage-log.store.js';
import type { UserRegistrationStore } from '../../../src/modules/user-registration/user-registration.store.js';

const usage = { feature_endpoint: 'chat', email: 'ann@example.com', status: 'success' } as const;

/** What every store of usage logs does. */
export function describeFeatureUsageLogStore(open: () => FeatureUsageLogStore): void {
  test('a user has its logs, the newest first, with all they hold', async () => {
    const store = open();
    const whole = { ...usage, units: 3, duration_ms: 1.5, request_id: 'r', metadata: { 'a.b': 1, $c: null } };
    await store.insert({ ...whole, user: 'ann', messageId: 'ann-1' });
    await store.insert({ ...usage, user: 'bob', messageId: 'bob-1' });
    await store.insert({ ...usage, user: 'ann', messageId: 'ann-2' });
    const found = await store.findByUser('ann', 10);
    expect(found.map(({ messageId }) => messageId)).toEqual(['ann-2', 'ann-1']);
    expect(found[1]).toEqual({ ...whole, user: 'ann', messageId: 'ann-1' });
    expect(await store.findByUser('ann', 1)).toHaveLength(1);
    expect(await store.findByUser('eve', 1)).toEqual([]);
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
