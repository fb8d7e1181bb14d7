import type mongoose from 'mongoose';
import { createBus, createLogger, type MessageBus } from '../../../src/index.js';
import { HEADERS } from '../../../src/messages/header-names.js';
import { readInteger } from '../../../src/messages/headers.js';
import { mongoInbox, mongoOutbox } from '../../../src/mongo.js';
import { CONSUMER, configOf, consumerOf } from './definitions.js';
import { type EffectRow, fateOf, type KillPlan } from './plan.js';
import { createStopper, NEVER, stopsAtInbox, stopsAtOutbox, tellsCommits } from './points.js';
import { openDatabase, print, record, stoppingBrokers } from './process-parts.js';

/** How long the claim of a killed process keeps others away, ms. */
const LEASE_MS = 1_000;

const plan: KillPlan = JSON.parse(process.argv[2] ?? '');

const stopper = createStopper(plan.stop, () => print({ told: 'reached' }));

const recordEffect = (id: string, generation: number): void =>
  record({ type: 'effect', consumer: CONSUMER, id, generation });

function watch(bus: MessageBus): void {
  bus.on('retry-stored', ({ consumer, id, attempt }) => record({ type: 'retry', consumer, id, attempt }));
  bus.on('dead-lettered', ({ consumer, id, reason }) =>
    record({ type: 'dead-letter', consumer, id, reason }),
  );
}

/** What is bad dies once; replayed it is good. */
const consumer = (effects: mongoose.Collection<EffectRow>) =>
  consumerOf(plan, async ({ id, headers }, { attempt, broker, session, deadLetter }) => {
    const generation = readInteger(headers, HEADERS.replayCount, { min: 0, fallback: 0 });
    record({ type: 'delivered', consumer: CONSUMER, id, attempt, broker });
    const fate = fateOf(id);
    if (fate === 'bad' && generation === 0) return deadLetter('it is bad');
    if (fate === 'late' && attempt === 1) throw new Error('not yet');
    await effects.insertOne({ messageId: id, generation }, { session: session as mongoose.ClientSession });
    if (stopper.reaches('effect written', id)) return NEVER;
    if (session === undefined) recordEffect(id, generation);
    return undefined;
  });

async function main(): Promise<void> {
  const connection = await openDatabase(plan);
  const config = await configOf(plan);
  const inbox = stopsAtInbox(mongoInbox(connection, { lease: LEASE_MS }), stopper);
  const bus = await createBus({
    config,
    consumers: [consumer(connection.collection<EffectRow>('effects'))],
    inbox: tellsCommits(inbox, ({ id, generation }) => recordEffect(id, generation)),
    outbox: stopsAtOutbox(mongoOutbox(connection), stopper),
    logger: createLogger({ level: 'silent' }),
    brokers: stoppingBrokers(config, stopper),
  });
  watch(bus);
  await bus.start();
  process.once('SIGTERM', () => void bus.close().then(() => connection.close()));
  print({ told: 'started' });
}

await main();
