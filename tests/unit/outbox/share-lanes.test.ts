import { describe, expect, test } from '@jest/globals';
import { type LaneLease, OUTBOX_LANES, type RelayPresence } from '../../../src/contract/outbox.js';
import { planLanes } from '../../../src/outbox/share-lanes.js';

/** Leases of `kafka`, of which each relay holds so many; the rest is free. */
function leasesOf(holders: Readonly<Record<string, number>>): LaneLease[] {
  const tokens = Object.entries(holders).flatMap(([token, count]) => Array<string>(count).fill(token));
  return Array.from({ length: OUTBOX_LANES }, (_, lane) => ({
    broker: 'kafka',
    lane,
    token: tokens[lane] ?? null,
    renewals: 1,
  }));
}

const relays = (...tokens: string[]): RelayPresence[] =>
  tokens.map((token) => ({ token, brokers: ['kafka'], renewals: 1 }));

const plan = (holders: Record<string, number>, present: RelayPresence[], dead: readonly string[] = []) => {
  const { take, release } = planLanes({
    board: { leases: leasesOf(holders), relays: present },
    token: 'me',
    broker: 'kafka',
    isStale: ({ token }) => token !== null && dead.includes(token),
  });
  return { take: take.length, release: release.length };
};

describe('sharing the lanes', () => {
  test('gives a relay that is alone all of them', () => {
    expect(plan({}, relays('me'))).toEqual({ take: OUTBOX_LANES, release: 0 });
    expect(plan({ me: 16 }, relays('me'))).toEqual({ take: 0, release: 0 });
  });

  test('makes one that has more than its share give the rest back, and one that has less take no more than that', () => {
    expect(plan({ me: 16 }, relays('me', 'other'))).toEqual({ take: 0, release: 8 });
    expect(plan({ other: 8 }, relays('me', 'other'))).toEqual({ take: 8, release: 0 });
    expect(plan({ other: 6, third: 6 }, relays('me', 'other', 'third'))).toEqual({ take: 4, release: 0 });
  });

  test('takes nothing from the living, and the share of the dead', () => {
    expect(plan({ other: 16 }, relays('me', 'other'))).toEqual({ take: 0, release: 0 });
    expect(plan({ other: 16 }, relays('me', 'other'), ['other'])).toEqual({ take: 16, release: 0 });
  });

  test('counts no relay that cannot reach the broker', () => {
    const elsewhere: RelayPresence = { token: 'other', brokers: ['rabbitmq'], renewals: 1 };
    expect(plan({ me: 16 }, [...relays('me'), elsewhere])).toEqual({ take: 0, release: 0 });
  });
});
