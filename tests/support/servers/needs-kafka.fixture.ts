import { expect, test } from '@jest/globals';
import { describeWithServers } from './describe-with-servers.js';

/** The suite that `tests/integration/missing-servers.test.ts` runs with and without a Kafka. */
describeWithServers('a suite with Kafka', { shared: ['kafka'] }, (servers) => {
  test('gets its address', () => {
    expect(servers.kafka.brokers).toEqual(['127.0.0.1:1']);
  });
});
