import type { LogStore } from '../../adapters/memory/log-store.js';
import { deadLetterTopicOf, kafkaTopicOf } from '../../messages/names.js';
import type { BrokerProfile, RawMessage, RigBroker } from './contract-rig.js';
import { embeddedFaults, impossible, plant, standing } from './embedded-faults.js';

/** The embedded log, past our library. */
export function embeddedLog(profile: BrokerProfile, store: LogStore): RigBroker {
  const { faults } = store;
  return {
    ...profile,
    async write(topic, { body, key = null, headers }) {
      store.write(kafkaTopicOf(topic), { body, key, headers });
    },
    async readDeadLetters(consumer) {
      return store
        .read(deadLetterTopicOf(consumer))
        .map(({ body, key, headers }): RawMessage => ({ body, key, headers }));
    },
    waiting: async (consumer) => store.lag(consumer.group, kafkaTopicOf(consumer.topic)),
    placesAreSafe: async () => undefined,
    does: {
      ...embeddedFaults(faults),
      refuse: async (topic) =>
        plant({ count: Infinity, place: kafkaTopicOf(topic) }, (scope) => faults.refuse(scope)),
      fillQueue: impossible,
      poison: impossible,
      breakDeadLetters: async (consumer) =>
        plant({ count: Infinity, place: deadLetterTopicOf(consumer) }, (scope) => faults.refuse(scope)),
      async removeFeed(consumer) {
        const name = kafkaTopicOf(consumer.topic);
        const partitions = store.requireTopic(name).partitions.length;
        store.deleteTopic(name);
        return standing(() => void store.createTopic({ name, partitions }));
      },
    },
  };
}
