import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { rabbitmqProfile, startRabbitmqBroker } from './rabbitmq-broker.js';
import { realSetup } from './real-setup.js';
import { runContract } from './run-contract.js';

describeWithServers('RabbitMQ 4.0', { own: ['rabbitmq-4.0'] }, () => {
  runContract(
    realSetup({
      name: 'RabbitMQ 4.0',
      feed: 'rabbitmq',
      profiles: [rabbitmqProfile('4.0')],
      start: async () => [await startRabbitmqBroker('4.0')],
    }),
  );
});
