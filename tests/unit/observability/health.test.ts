import { describe, expect, it } from '@jest/globals';
import type { ConsumerHealth } from '../../../src/contract/message-bus.js';
import { composeHealth, type HealthParts } from '../../../src/observability/health.js';

const consumer = (changes: Partial<ConsumerHealth> = {}): ConsumerHealth => ({
  state: 'live',
  broker: 'kafka',
  inFlight: 0,
  legs: {},
  ...changes,
});

const parts = (changes: Partial<HealthParts> = {}): HealthParts => ({
  state: 'started',
  brokers: { kafka: { state: 'up', pendingPublishes: 0 } },
  consumers: { a: consumer() },
  publishes: { pending: 0, background: 0 },
  isInboxDown: false,
  ...changes,
});

describe('composeHealth', () => {
  it('is ok when everything does its work', () => {
    expect(composeHealth(parts())).toEqual({
      ok: true,
      state: 'started',
      brokers: { kafka: { state: 'up', pendingPublishes: 0 } },
      consumers: { a: consumer() },
      publishes: { pending: 0, background: 0 },
    });
  });

  it.each<[string, Partial<HealthParts>]>([
    ['the bus is not started', { state: 'starting' }],
    ['a broker is down', { brokers: { kafka: { state: 'down', pendingPublishes: 0 } } }],
    ['a broker is blocked', { brokers: { kafka: { state: 'degraded', pendingPublishes: 0 } } }],
    ['a consumer failed', { consumers: { a: consumer(), b: consumer({ state: 'failed' }) } }],
    ['a consumer recovers', { consumers: { a: consumer({ state: 'recovering' }) } }],
    [
      'a consumer was paused for a reason',
      { consumers: { a: consumer({ state: 'paused', reason: 'inbox' }) } },
    ],
    ['the inbox is down', { isInboxDown: true }],
  ])('is not ok when %s', (_, changes) => {
    expect(composeHealth(parts(changes)).ok).toBe(false);
  });

  it('stays ok when somebody paused a consumer', () => {
    expect(composeHealth(parts({ consumers: { a: consumer({ state: 'paused' }) } })).ok).toBe(true);
  });
});
