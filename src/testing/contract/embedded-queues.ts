import type { QueueStore } from '../../adapters/memory/queue-store.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { deadLetterQueueOf, exchangeOf, queueOf } from '../../messages/names.js';
import type { BrokerProfile, RawMessage, RigBroker } from './contract-rig.js';
import { embeddedFaults, impossible, plant, standing } from './embedded-faults.js';

function declareQueue(store: QueueStore, consumer: AnyConsumer, limits: { maxLength?: number }): void {
  const { topic } = consumer;
  store.declareExchange(exchangeOf(topic), 'topic');
  const deadLetter = { exchange: '', routingKey: deadLetterQueueOf(consumer) };
  store.declareQueue({ name: queueOf(consumer), deliveryLimit: 20, deadLetter, ...limits });
  store.bind(queueOf(consumer), exchangeOf(topic), topic.name);
}

/** The embedded queues, past our library. */
export function embeddedQueues(profile: BrokerProfile, store: QueueStore): RigBroker {
  const { faults } = store;
  return {
    ...profile,
    async write(topic, { body, headers }) {
      store.write(exchangeOf(topic), topic.name, { body: body ?? Buffer.alloc(0), headers });
    },
    async readDeadLetters(consumer) {
      return store
        .read(deadLetterQueueOf(consumer))
        .map(({ body, key, headers }): RawMessage => ({ body, key, headers }));
    },
    waiting: async (consumer) => store.depth(queueOf(consumer)),
    placesAreSafe: async () => undefined,
    does: {
      ...embeddedFaults(faults),
      refuse: impossible,
      poison: impossible,
      async fillQueue(consumer) {
        declareQueue(store, consumer, { maxLength: 1 });
        store.write('', queueOf(consumer), { body: Buffer.from('full') });
      },
      breakDeadLetters: async (consumer) =>
        plant({ count: Infinity, place: deadLetterQueueOf(consumer) }, (scope) => faults.refuse(scope)),
      async removeFeed(consumer) {
        store.deleteQueue(queueOf(consumer));
        return standing(() => declareQueue(store, consumer, {}));
      },
    },
  };
}
