import { describe, expect, test } from '@jest/globals';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { stopIdlePolling } from '../../../../src/adapters/kafka/idle-polling.js';

describe('Kafka request queue', () => {
  const silent = () => {};
  const logger = { debug: silent, info: silent, warn: silent, error: silent };
  const makeQueue = () => {
    const Queue = RequestQueue as unknown as new (
      options: object,
    ) => RequestQueue & {
      throttleCheckTimeoutId: NodeJS.Timeout | null;
      checkPendingRequests(): void;
      destroy(): void;
    };
    return new Queue({
      maxInFlightRequests: null,
      requestTimeout: 1_000,
      clientId: 'c',
      broker: 'b',
      logger,
    });
  };

  test('an idle connection is not looked at again and again', () => {
    stopIdlePolling();
    const queue = makeQueue();
    queue.checkPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });

  test('a throttled request is still sent when its time has come', () => {
    stopIdlePolling();
    const queue = makeQueue();
    queue.throttledUntil = Date.now() + 1_000;
    queue.pending.push({});
    queue.checkPendingRequests();
    expect(queue.throttleCheckTimeoutId).not.toBeNull();
    queue.destroy();
  });
});
