import { createClients } from './create-clients.js';

export type { InitializeOptions } from './client-bus.js';
export type { Clients, Initialize } from './create-clients.js';
export { createClients };

const clients = createClients();

/** The guide's client, one per process. It sends to every enabled broker, and its consumers are fed by the one their flag names. */
export const KafkaClient = clients.KafkaClient;

/** Its twin for queues, over the same bus. */
export const RabbitMQClient = clients.RabbitMQClient;

/** Connects both clients and starts every consumer that was registered. */
export const initializeKafka = clients.initializeKafka;

/** The same; whichever is called first does the work. */
export const initializeRabbitMQ = clients.initializeRabbitMQ;
