import { expect, test } from '@jest/globals';
import { createBus, type MessageBus, memoryInbox, readStatus } from '../../../src/index.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { statusWorld } from './status-world.js';

const SERVERS = { shared: ['kafka', 'rabbitmq-4.0'] } as const;

describeWithServers('the status of a consumer that was moved', SERVERS, (servers) => {
  const env = {
    KAFKA_ENABLED: 'true',
    KAFKA_BROKERS: servers.kafka.brokers.join(','),
    RABBITMQ_ENABLED: 'true',
    RABBITMQ_URL: servers['rabbitmq-4.0'].url,
  };

  test.each([
    ['rabbitmq', 'kafka'],
    ['kafka', 'rabbitmq'],
  ] as const)('what is to be tried again on %s drains while the service runs', async (from, to) => {
    const before = await statusWorld({ ...env, DEFAULT_BROKER: from });
    const after = await before.readWith({ ...env, DEFAULT_BROKER: to });
    const bus = await createBus({ ...before.options, inbox: memoryInbox() });
    try {
      await bus.start();
      await storeRetry(bus, before);
      await bus.consumer(before.consumer.name).move(to);
      const [consumer] = (await readStatus(after)).consumers;
      expect(consumer?.broker).toBe(to);
      expect(consumer?.legs).toContainEqual(
        expect.objectContaining({ broker: to, state: 'live', readers: 1 }),
      );
      expect(consumer?.legs).toContainEqual(
        expect.objectContaining({ broker: from, state: 'draining', retries: 1, readers: 1 }),
      );
    } finally {
      await bus.close();
    }
    // Its copies are still there, but nobody reads them.
    expect((await readStatus(after)).consumers[0]?.legs).toContainEqual(
      expect.objectContaining({ broker: from, state: 'idle', retries: 1, readers: 0 }),
    );
  });
});

/** Publishes a message that fails, and waits until its next try is stored. */
async function storeRetry(
  bus: MessageBus,
  { topic }: Pick<Awaited<ReturnType<typeof statusWorld>>, 'topic'>,
): Promise<void> {
  const stored = new Promise<void>((resolve) => bus.on('retry-stored', () => resolve()));
  await bus.publish(topic, { fate: 'retry' });
  await stored;
}
