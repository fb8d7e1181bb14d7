import { createKafkaBroker } from './adapters/kafka/broker.js';
import type { PoisonSource } from './adapters/kafka/poison-letter.js';
import { createLogBroker } from './adapters/memory/log-broker.js';
import { createLogStore } from './adapters/memory/log-store.js';
import { createQueueBroker } from './adapters/memory/queue-broker.js';
import { createQueueStore } from './adapters/memory/queue-store.js';
import { createRabbitmqBroker } from './adapters/rabbitmq/broker.js';
import type { BusConfig } from './config/bus-config.js';
import type { BrokerPort } from './contract/broker.js';
import type { Clock, Random } from './contract/clock.js';
import { BuscouplerError } from './contract/errors.js';
import type { EmitEvent } from './contract/events.js';
import { formatLogPosition } from './contract/log-position.js';
import type { Logger } from './contract/logger.js';
import type { BrokerName, OutgoingMessage } from './contract/message.js';
import type { PublishBounds } from './contract/settings.js';
import { deadLetterOf } from './dead-letters/record.js';

/** What every broker is made of, besides its own settings. */
export interface BrokerParts {
  readonly bounds: PublishBounds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly emit: EmitEvent;
}

/** The adapter that serves a broker name by the configuration. Throws BC_CONFIG_INVALID for a broker without settings. */
export function openPort(name: BrokerName, config: BusConfig, parts: BrokerParts): BrokerPort {
  const { brokers, embedded, managementUrl } = config;
  if (name === 'kafka') {
    if (embedded) return createLogBroker({ ...parts, store: createLogStore(parts) });
    if (brokers.kafka !== undefined) {
      const poisonLetterOf = (source: PoisonSource): OutgoingMessage => poisonLetter(source, parts.clock);
      return createKafkaBroker({ ...parts, settings: brokers.kafka, poisonLetterOf });
    }
  } else {
    if (embedded) return createQueueBroker({ ...parts, store: createQueueStore(parts) });
    if (brokers.rabbitmq !== undefined) {
      const reach = { settings: brokers.rabbitmq, ...(managementUrl !== undefined && { managementUrl }) };
      return createRabbitmqBroker({ ...parts, ...reach });
    }
  }
  throw new BuscouplerError('BC_CONFIG_INVALID', `${name} is enabled, but there are no settings for it.`);
}

/** A batch that no client can decode was never run; its letter has the same id however often it is stepped over. */
function poisonLetter({ consumer, incoming, error, maxBytes }: PoisonSource, clock: Clock): OutgoingMessage {
  const { position } = incoming;
  const id = position.broker === 'kafka' ? formatLogPosition(position) : position.queue;
  const failure = { reason: 'poison', consumer: consumer.name, error, attempt: 0 } as const;
  return deadLetterOf(
    { incoming, id, topic: consumer.topic.name },
    { ...failure, failedAtMs: clock.epochMs() },
    maxBytes,
  );
}
