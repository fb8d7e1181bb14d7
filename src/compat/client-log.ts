import { type BusConfig, type ConfigError, createLogger, type Health, type Logger } from '../index.js';

/** The name of a client, as its users call it. */
export type Product = 'Kafka' | 'RabbitMQ';

type Brokers = Health['brokers'];

const PARTS = {
  Kafka: { broker: 'kafka', settings: 'KAFKA_ENABLED=true with KAFKA_BROKERS', other: 'RabbitMQ' },
  RabbitMQ: { broker: 'rabbitmq', settings: 'RABBITMQ_ENABLED=true with RABBITMQ_URL', other: 'Kafka' },
} as const;

const PRODUCTS = Object.keys(PARTS) as readonly Product[];

/** The logger of the clients' own lines; the bus writes the others. */
export const openLog = ({ logLevel, logPretty }: BusConfig): Logger =>
  createLogger({ level: logLevel, ...(logPretty === undefined ? {} : { pretty: logPretty }) });

/** One line for each broker that is connected and has its places. */
export function logVerified(logger: Logger, brokers: Brokers): void {
  for (const product of PRODUCTS) {
    if (brokers[PARTS[product].broker]?.state === 'up')
      logger.info({ mark: 'success' }, `${product} Infrastructure verified`);
  }
}

/** Tells a caller who initialised a client whose broker is off. */
export function logOff(logger: Logger, product: Product, brokers: Brokers): void {
  const { broker, settings, other } = PARTS[product];
  if (brokers[broker] !== undefined) return;
  logger.warn(
    { mark: 'warning' },
    `${product} is off (${settings} turns it on); ${other} carries all messages`,
  );
}

/** Tells that no broker is on at all. */
export function logWithoutBroker(logger: Logger, { problems }: ConfigError): void {
  const [problem] = problems;
  const what = `${problem?.setting}: ${problem?.was}; allowed: ${problem?.allowed}`;
  logger.warn({ mark: 'warning' }, `Nothing connects, no message is taken, and every publish fails. ${what}`);
}

/** Tells that messages of a topic may reach nobody on RabbitMQ. */
export function logUnconsumed(logger: Logger, topic: string, brokers: Brokers): void {
  if (brokers.rabbitmq === undefined) return;
  const what = `Topic '${topic}' has no consumer here; RabbitMQ drops its messages as long as no queue is bound for it`;
  logger.warn({ mark: 'warning', topic }, what);
}
