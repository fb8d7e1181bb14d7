import { expect, test } from '@jest/globals';
import { readinessOf } from '../../../src/app/http/readiness.js';
import type { Health } from '../../../src/index.js';

const consumer = { state: 'live', broker: 'kafka', inFlight: 0, legs: {} } as const;

const healthy: Health = {
  ok: true,
  state: 'started',
  brokers: { kafka: { state: 'up', pendingPublishes: 0 } },
  consumers: { usage: consumer },
  publishes: { pending: 0, background: 0 },
};

test('is ready while everything works', () => {
  expect(readinessOf(healthy, null, false)).toEqual({ isReady: true, state: 'started', parts: [] });
});

test.each<[string, Partial<Health>, readonly unknown[]]>([
  ['starting', { ok: false, state: 'starting' }, []],
  [
    'a broker is down',
    { ok: false, brokers: { kafka: { state: 'down', pendingPublishes: 0, reason: 'refused' } } },
    [{ part: 'broker kafka', state: 'down', reason: 'refused' }],
  ],
  [
    'a consumer cannot work',
    { ok: false, consumers: { usage: { ...consumer, state: 'recovering' } } },
    [{ part: 'consumer usage', state: 'recovering' }],
  ],
  [
    'the outbox lags',
    { ok: false, outbox: { state: 'lagging', pending: 1, oldestAgeMs: 40_000, parked: 0, lanes: 16 } },
    [{ part: 'outbox', state: 'lagging' }],
  ],
])('is not ready: %s', (_, change, parts) => {
  const health = { ...healthy, ...change };
  expect(readinessOf(health, null, false)).toEqual({ isReady: false, state: health.state, parts });
});

test('is not ready without MongoDB', () => {
  const store = { part: 'mongodb', state: 'disconnected' };
  expect(readinessOf(healthy, store, false)).toMatchObject({ isReady: false, parts: [store] });
});

test('is not ready as soon as it shuts down, although the bus still works', () => {
  expect(readinessOf(healthy, null, true)).toEqual({ isReady: false, state: 'closing', parts: [] });
});
