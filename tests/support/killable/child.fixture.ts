import { writeSync } from 'node:fs';
import mongoose from 'mongoose';
import { createKafkaBroker } from '../../../src/adapters/kafka/broker.js';
import { createRabbitmqBroker } from '../../../src/adapters/rabbitmq/broker.js';
import type { BrokerPort, Delivery } from '../../../src/contract/broker.js';
import type { KafkaSettings, RabbitmqSettings } from '../../../src/contract/settings.js';
import { copyOf } from '../../../src/delivery/inbox-copy.js';
import { type CreateBusOptions, createBus, createLogger, type MessageBus } from '../../../src/index.js';
import { mongoInbox, mongoOutbox } from '../../../src/mongo.js';
import type { HistoryEvent } from '../../../src/testing/index.js';
import { CONSUMER, configOf, consumerOf } from './definitions.js';
import { type EffectRow, fateOf, type KillableLine, type KillPlan } from './plan.js';
import { createStopper, NEVER, stopsAtBroker, stopsAtOutbox, tellsCommits } from './points.js';

const plan: KillPlan = JSON.parse(process.argv[2] ?? '');

/** How long the claim of a killed process keeps others away, ms. */
const LEASE_MS = 1_000;

/** At once and whole: what was printed survives the process. */
const print = (line: KillableLine): void => void writeSync(1, `${JSON.stringify(line)}\n`);

const record = (event: HistoryEvent): void => print({ event });

const recordEffect = (id: string): void => record({ type: 'effect', consumer: CONSUMER, id });

const stopper = createStopper(plan.stop, () => print({ told: 'reached' }));

function onSettle({ message }: Delivery): void {
  const { id, attempt } = copyOf(message, message.id ?? '');
  record({ type: 'settled', consumer: CONSUMER, id, attempt });
}

type OpenBrokers = NonNullable<CreateBusOptions['brokers']>;
type OpenBroker = NonNullable<OpenBrokers['kafka']>;

/** The broker of the plan, by its own adapter. */
const brokers = (open: OpenBroker): OpenBrokers => {
  const stopping: OpenBroker = (parts) => stopsAtBroker(open(parts), stopper, onSettle);
  return { kafka: stopping, rabbitmq: stopping };
};

function watch(bus: MessageBus): void {
  bus.on('retry-stored', ({ consumer, id, attempt }) => record({ type: 'retry', consumer, id, attempt }));
  bus.on('dead-lettered', ({ consumer, id, reason }) =>
    record({ type: 'dead-letter', consumer, id, reason }),
  );
}

async function main(): Promise<void> {
  const connection = await mongoose
    .createConnection(plan.servers.mongodb, { dbName: plan.name, serverSelectionTimeoutMS: 5_000 })
    .asPromise();
  const effects = connection.collection<EffectRow>('effects');
  const config = await configOf(plan);
  const consumer = consumerOf(plan, async ({ id }, context) => {
    record({ type: 'delivered', consumer: CONSUMER, id, attempt: context.attempt, broker: context.broker });
    const fate = fateOf(id);
    if (fate === 'bad') return context.deadLetter('it is bad');
    if (fate === 'late' && context.attempt === 1) throw new Error('not yet');
    await effects.insertOne({ messageId: id }, { session: context.session as mongoose.ClientSession });
    if (stopper.reaches('effect written', id)) return NEVER;
    if (context.session === undefined) recordEffect(id);
    return undefined;
  });
  const bus = await createBus({
    config,
    consumers: [consumer],
    inbox: tellsCommits(mongoInbox(connection, { lease: LEASE_MS }), ({ id }) => recordEffect(id)),
    outbox: stopsAtOutbox(mongoOutbox(connection), stopper),
    logger: createLogger({ level: 'silent' }),
    brokers: brokers(
      (parts): BrokerPort =>
        plan.broker === 'kafka'
          ? createKafkaBroker({ ...parts, settings: config.brokers.kafka as KafkaSettings })
          : createRabbitmqBroker({ ...parts, settings: config.brokers.rabbitmq as RabbitmqSettings }),
    ),
  });
  watch(bus);
  await bus.start();
  process.once('SIGTERM', () => {
    void bus
      .close()
      .then(() => connection.close())
      .then(() => print({ told: 'closed' }));
  });
  print({ told: 'started' });
}

await main();
