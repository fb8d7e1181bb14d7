import { createRabbitmqBroker } from '../../src/adapters/rabbitmq/broker.js';
import { DEAD_LETTER_ARGUMENTS, queueArguments } from '../../src/adapters/rabbitmq/topology.js';
import type { AnyConsumer } from '../../src/contract/consumer.js';
import type { RabbitmqSettings } from '../../src/contract/settings.js';
import { deadLetterQueueOf, exchangeOf, queueOf } from '../../src/messages/names.js';
import type { BrokerProfile, PlantedFault, RigFaults } from '../../src/testing/contract/contract-rig.js';
import { sendPoison } from '../support/amqp-poison.js';
import { type FaultProxy, startProxy } from '../support/proxy.js';
import { type RabbitServer, startRabbit } from '../support/servers/rabbitmq.js';
import type { RabbitVersion } from '../support/servers/rabbitmq-scripts.js';
import { peek, toRaw, withChannel } from './rabbitmq-raw.js';
import { idleParts, type RealBroker } from './real-broker.js';

const SETTINGS: Omit<RabbitmqSettings, 'urls'> = {
  clientId: 'contract',
  heartbeatSeconds: 10,
  connectionTimeoutMs: 5_000,
  requestTimeoutMs: 5_000,
};

/** Longer than any case takes: a reply that is held this long is held until it is let go. */
const FOR_EVER_MS = 3_600_000;

const MIB = 1024 * 1024;

/** RabbitMQ, as cases see it before it runs. */
export const rabbitmqProfile = (version: RabbitVersion): BrokerProfile => ({
  name: 'rabbitmq',
  product: 'rabbitmq',
  capabilities: createRabbitmqBroker({
    ...idleParts,
    settings: { ...SETTINGS, urls: ['amqp://127.0.0.1'] },
  }).capabilities,
  maxMessageBytes: (version === '3.10' ? 128 : 16) * MIB,
  refusal: 'unclear',
  faults: [
    'holdReplies',
    'loseReply',
    'dropConnections',
    'cut',
    'block',
    'kill',
    'restart',
    'fillQueue',
    'breakDeadLetters',
    'removeFeed',
    'poison',
  ],
});

/** Starts a RabbitMQ of its own, behind a proxy. */
export async function startRabbitmqBroker(version: RabbitVersion): Promise<RealBroker> {
  const server = await startRabbit({ version });
  const proxy = await startProxy({ target: Number(new URL(server.url).port), protocol: 'amqp' });
  const state = { isDown: false, isBlocked: false };
  const unblock = async (): Promise<void> => {
    if (state.isBlocked) await server.memoryAlarm(false);
    state.isBlocked = false;
  };
  const does: RigFaults = {
    ...proxyFaults(proxy),
    ...placeFaults(server.url),
    refuse: () => Promise.reject(new Error('RabbitMQ refuses by full queues')),
    poison: (topic) => sendPoison(server.url, { exchange: exchangeOf(topic), routingKey: topic.name }),
    async block() {
      state.isBlocked = true;
      await server.memoryAlarm(true);
      return standing(unblock);
    },
    async kill() {
      state.isDown = true;
      await server.kill();
    },
    async restart() {
      await server.start();
      state.isDown = false;
    },
  };
  return {
    broker: { ...rabbitmqProfile(version), ...past(server), does },
    settings: ({ secret = 'guest' }) => ({
      rabbitmq: { ...SETTINGS, urls: [`amqp://guest:${secret}@127.0.0.1:${proxy.port}`] },
    }),
    async heal() {
      await proxy.heal();
      if (state.isDown) await does.restart();
      await unblock();
    },
    async dispose() {
      await proxy.close();
      await server.dispose();
    },
  };
}

const standing = (remove: () => Promise<void>): PlantedFault => ({ happened: Promise.resolve(), remove });

function proxyFaults(proxy: FaultProxy) {
  return {
    async holdReplies(): Promise<PlantedFault> {
      const { happened } = proxy.fault({
        on: 'reply',
        frame: 'basic.ack',
        do: 'delay',
        delayMs: FOR_EVER_MS,
        times: Infinity,
      });
      return { happened, remove: () => proxy.heal() };
    },
    async loseReply(): Promise<PlantedFault> {
      const fault = proxy.fault({ on: 'reply', frame: 'basic.ack', do: 'swallow' });
      return { happened: fault.happened, remove: () => fault.remove() };
    },
    dropConnections: async () => proxy.reset(),
    async cut(): Promise<PlantedFault> {
      await proxy.refuse();
      proxy.reset();
      return standing(() => proxy.heal());
    },
  };
}

/** Reads and writes past our library. */
function past({
  url,
  rabbitmqctl,
}: RabbitServer): Pick<RealBroker['broker'], 'write' | 'readDeadLetters' | 'waiting' | 'placesAreSafe'> {
  return {
    // The registry of quorum queues is a table that the server writes to disk when it has been idle for a while.
    placesAreSafe: async () => void (await rabbitmqctl('eval', '[dets:sync(T) || T <- dets:all()].')),
    write: (topic, { body, headers }) =>
      withChannel(url, async (channel) => {
        channel.publish(exchangeOf(topic), topic.name, body ?? Buffer.alloc(0), {
          headers,
          persistent: true,
        });
        await channel.waitForConfirms();
      }),
    readDeadLetters: (consumer) =>
      withChannel(url, async (channel) => (await peek(channel, deadLetterQueueOf(consumer))).map(toRaw)),
    waiting: (consumer) =>
      withChannel(url, async (channel) => (await peek(channel, queueOf(consumer))).length),
  };
}

function placeFaults(url: string) {
  const declare = (name: string, args: object): Promise<unknown> =>
    withChannel(url, (channel) => channel.assertQueue(name, { durable: true, arguments: args }));
  const bind = (consumer: AnyConsumer): Promise<unknown> =>
    withChannel(url, (channel) =>
      channel.bindQueue(queueOf(consumer), exchangeOf(consumer.topic), consumer.topic.name),
    );
  const remove = (name: string): Promise<unknown> => withChannel(url, (channel) => channel.deleteQueue(name));
  return {
    async fillQueue(consumer: AnyConsumer): Promise<void> {
      const name = queueOf(consumer);
      await withChannel(url, (channel) => channel.assertExchange(exchangeOf(consumer.topic), 'topic'));
      await declare(name, { ...queueArguments(consumer), 'x-max-length': 1 });
      await bind(consumer);
      await withChannel(url, async (channel) => {
        for (let isTaken = true; isTaken; ) isTaken = await isConfirmed(channel, name);
      });
    },
    async breakDeadLetters(consumer: AnyConsumer): Promise<PlantedFault> {
      const name = deadLetterQueueOf(consumer);
      await remove(name);
      return standing(async () => void (await declare(name, DEAD_LETTER_ARGUMENTS)));
    },
    async removeFeed(consumer: AnyConsumer): Promise<PlantedFault> {
      await remove(queueOf(consumer));
      return standing(async () => {
        await declare(queueOf(consumer), queueArguments(consumer));
        await bind(consumer);
      });
    },
  };
}

function isConfirmed(
  channel: Parameters<Parameters<typeof withChannel>[1]>[0],
  queue: string,
): Promise<boolean> {
  return new Promise((resolve) => {
    channel.sendToQueue(queue, Buffer.from('full'), { persistent: true }, (error) => resolve(!error));
  });
}
