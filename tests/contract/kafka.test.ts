import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { kafkaProfile, startKafkaBroker } from './kafka-broker.js';
import { realSetup } from './real-setup.js';
import { runContract } from './run-contract.js';

describeWithServers('Kafka 4.1', { own: ['kafka'] }, () => {
  runContract(
    realSetup({
      name: 'Kafka 4.1',
      feed: 'kafka',
      profiles: [kafkaProfile()],
      start: async () => [await startKafkaBroker()],
    }),
  );
});
