import { writeSync } from 'node:fs';
import mongoose from 'mongoose';
import { createKafkaBroker } from '../../../src/adapters/kafka/broker.js';
import { createRabbitmqBroker } from '../../../src/adapters/rabbitmq/broker.js';
import type { Delivery } from '../../../src/contract/broker.js';
import type { KafkaSettings, RabbitmqSettings } from '../../../src/contract/settings.js';
import { copyOf } from '../../../src/delivery/inbox-copy.js';
import type { BusConfig, CreateBusOptions } from '../../../src/index.js';
import type { HistoryEvent } from '../../../src/testing/index.js';
import { CONSUMER } from './definitions.js';
import type { KillableLine, KillPlan } from './plan.js';
import { type Stopper, stopsAtBroker } from './points.js';

/** At once and whole: what was printed survives the process. */
export const print = (line: KillableLine): void => void writeSync(1, `${JSON.stringify(line)}\n`);

/** Tells of something that happened. */
export const record = (event: HistoryEvent): void => print({ event });

/** The database of a plan. */
export const openDatabase = ({ name, servers }: KillPlan): Promise<mongoose.Connection> =>
  mongoose.createConnection(servers.mongodb, { dbName: name, serverSelectionTimeoutMS: 5_000 }).asPromise();

function onSettle({ message }: Delivery): void {
  const { id, attempt } = copyOf(message, message.id ?? '');
  record({ type: 'settled', consumer: CONSUMER, id, attempt });
}

/** The broker of a plan by its own adapter, around which the process stops. */
export function stoppingBrokers(
  { brokers }: BusConfig,
  stopper: Stopper,
): NonNullable<CreateBusOptions['brokers']> {
  return {
    kafka: (parts) =>
      stopsAtBroker(
        createKafkaBroker({ ...parts, settings: brokers.kafka as KafkaSettings }),
        stopper,
        onSettle,
      ),
    rabbitmq: (parts) =>
      stopsAtBroker(
        createRabbitmqBroker({ ...parts, settings: brokers.rabbitmq as RabbitmqSettings }),
        stopper,
        onSettle,
      ),
  };
}
