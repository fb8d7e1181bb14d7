import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { rabbitmqProfile, startRabbitmqBroker } from './rabbitmq-broker.js';
import { realSetup } from './real-setup.js';
import { runContract } from './run-contract.js';

describeWithServers('RabbitMQ 3.10', { own: ['rabbitmq-3.10'] }, () => {
  runContract(
    realSetup({
      name: 'RabbitMQ 3.10',
      feed: 'rabbitmq',
      profiles: [rabbitmqProfile('3.10')],
      start: async () => [await startRabbitmqBroker('3.10')],
    }),
  );
});
