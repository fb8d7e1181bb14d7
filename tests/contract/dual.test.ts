import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { kafkaProfile, startKafkaBroker } from './kafka-broker.js';
import { rabbitmqProfile, startRabbitmqBroker } from './rabbitmq-broker.js';
import { realSetup } from './real-setup.js';
import { runContract } from './run-contract.js';

describeWithServers('Kafka 4.1 and RabbitMQ 4.0', { own: ['kafka', 'rabbitmq-4.0'] }, () => {
  runContract(
    realSetup({
      name: 'Kafka 4.1 and RabbitMQ 4.0, fed by Kafka',
      feed: 'kafka',
      profiles: [kafkaProfile(), rabbitmqProfile('4.0')],
      start: () => Promise.all([startKafkaBroker(), startRabbitmqBroker('4.0')]),
    }),
  );
});
